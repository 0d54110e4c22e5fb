"""What a load did, counted by the kind of thing: added, changed, left as it was, refused."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

VERBS = ("added", "changed", "left", "refused")


@dataclass
class LoadSummary:
    """Counts of a load. `things` keeps the order in which they are shown."""

    things: list[str]
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def add(self, thing: str, **counts: int) -> None:
        """Count more of a thing: `add("trials", added=3, left=1)`."""
        for verb, count in counts.items():
            if verb not in VERBS:
                raise ValueError(f"{verb} is not one of {', '.join(VERBS)}")
            self.counts[thing, verb] += count

    def merge(self, other: Mapping[tuple[str, str], int]) -> None:
        """Count what another counter holds."""
        self.counts.update(other)

    def of(self, thing: str, verb: str) -> int:
        """How many."""
        return self.counts[thing, verb]

    def done(self, thing: str) -> int:
        """How many were added or changed."""
        return self.of(thing, "added") + self.of(thing, "changed")

    def table(self) -> str:
        """The counts as a table of plain text, a line for each thing, and the notes under it."""
        width = max(map(len, self.things))
        head = f"{'':{width}}" + "".join(f"{verb:>10}" for verb in VERBS)
        rows = [f"{thing:{width}}" + "".join(f"{self.of(thing, verb):>10,}" for verb in VERBS) for thing in self.things]
        return "\n".join([head, *rows, *self.notes])
