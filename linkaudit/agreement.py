"""How far two people agree who have said right or wrong of the same links.

With few wrong links among many, chance agreement is high and kappa low although people hardly differ: so the table
itself, Gwet's AC1 and the agreement on "wrong" stand beside it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agreement:
    """The 2 by 2 table of first and second opinions: `right_wrong` were right to the first and wrong to the second."""

    right_right: int
    right_wrong: int
    wrong_right: int
    wrong_wrong: int

    @property
    def pairs(self) -> int:
        """How many links two people have looked at."""
        return self.right_right + self.right_wrong + self.wrong_right + self.wrong_wrong

    @property
    def observed(self) -> float | None:
        """The share of links on which they agree; None without a link."""
        return (self.right_right + self.wrong_wrong) / self.pairs if self.pairs else None

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa, from -1 to 1; None where it is not defined (no link, or nobody ever says one of the two).

        Source: J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20
        (1960), 37-46.
        """
        if self.observed is None:
            return None
        first, second = self._shares_right()
        by_chance = first * second + (1 - first) * (1 - second)
        return None if by_chance == 1 else (self.observed - by_chance) / (1 - by_chance)

    @property
    def ac1(self) -> float | None:
        """Gwet's AC1, from -1 to 1; None without a link.

        Source: K. L. Gwet, "Computing inter-rater reliability and its variance in the presence of high agreement",
        British Journal of Mathematical and Statistical Psychology 61 (2008), 29-48.
        """
        if self.observed is None:
            return None
        right = sum(self._shares_right()) / 2
        by_chance = 2 * right * (1 - right)
        return (self.observed - by_chance) / (1 - by_chance)

    @property
    def on_wrong(self) -> float | None:
        """Of what one of two says is wrong, how often the other says so too; None where nobody says wrong."""
        said = 2 * self.wrong_wrong + self.right_wrong + self.wrong_right
        return 2 * self.wrong_wrong / said if said else None

    def _shares_right(self) -> tuple[float, float]:
        return (self.right_right + self.right_wrong) / self.pairs, (self.right_right + self.wrong_right) / self.pairs
