"""Agreement of two reviewers who decided right or wrong on the same links.

If few links are wrong, agreement by chance is high and kappa is low although the reviewers hardly differ. So the table
itself, Gwet's AC1 and negative agreement are shown with it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agreement:
    """The 2 by 2 table of first and second opinions; `right_wrong`: the first right, the second wrong."""

    right_right: int
    right_wrong: int
    wrong_right: int
    wrong_wrong: int

    @property
    def pairs(self) -> int:
        """Number of links with two opinions."""
        return self.right_right + self.right_wrong + self.wrong_right + self.wrong_wrong

    @property
    def raw(self) -> float | None:
        """Share of pairs that agree; None without a pair."""
        return (self.right_right + self.wrong_wrong) / self.pairs if self.pairs else None

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa, from -1 to 1; None without a pair, or if both reviewers always give the same one answer.

        Source: J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20
        (1960), 37-46.
        """
        if self.raw is None:
            return None
        first, second = self._right_shares()
        by_chance = first * second + (1 - first) * (1 - second)
        return None if by_chance == 1 else (self.raw - by_chance) / (1 - by_chance)

    @property
    def ac1(self) -> float | None:
        """Gwet's AC1, from -1 to 1; None without a pair.

        Source: K. L. Gwet, "Computing inter-rater reliability and its variance in the presence of high agreement",
        British Journal of Mathematical and Statistical Psychology 61 (2008), 29-48.
        """
        if self.raw is None:
            return None
        right = sum(self._right_shares()) / 2
        by_chance = 2 * right * (1 - right)
        return (self.raw - by_chance) / (1 - by_chance)

    @property
    def negative(self) -> float | None:
        """Share of "wrong" answers that the other reviewer also gave; None without one."""
        answers = 2 * self.wrong_wrong + self.right_wrong + self.wrong_right
        return 2 * self.wrong_wrong / answers if answers else None

    def _right_shares(self) -> tuple[float, float]:
        return (self.right_right + self.right_wrong) / self.pairs, (self.right_right + self.wrong_right) / self.pairs
