"""The counts of a load by kind of row: added, changed, unchanged, rejected."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

OUTCOMES = ("added", "changed", "unchanged", "rejected")


@dataclass
class LoadSummary:
    """Counts of a load; `things` are the kinds of rows in the order of the table."""

    things: list[str]
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def add(self, thing: str, **counts: int) -> None:
        """Add counts: `add("trials", added=3, unchanged=1)`."""
        for outcome, count in counts.items():
            if outcome not in OUTCOMES:
                raise ValueError(f"{outcome} is not one of {', '.join(OUTCOMES)}")
            self.counts[thing, outcome] += count

    def merge(self, other: Mapping[tuple[str, str], int]) -> None:
        """Add the counts of another counter."""
        self.counts.update(other)

    def count(self, thing: str, outcome: str) -> int:
        """Return one count."""
        return self.counts[thing, outcome]

    def written_count(self, thing: str) -> int:
        """Return the count of added and changed rows."""
        return self.count(thing, "added") + self.count(thing, "changed")

    def table(self) -> str:
        """Return the counts as a table of plain text, followed by the notes."""
        width = max(map(len, self.things))
        rows = [f"{'':{width}}" + "".join(f"{outcome:>11}" for outcome in OUTCOMES)]
        rows += [f"{thing:{width}}" + self._cells(thing) for thing in self.things]
        return "\n".join([*rows, *self.notes])

    def _cells(self, thing: str) -> str:
        return "".join(f"{self.count(thing, outcome):>11,}" for outcome in OUTCOMES)
