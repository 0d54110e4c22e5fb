"""What is concluded from labels and from samples: two verdicts that are never mixed, and a warning.

*Policy* is the database's gate over all labels, whoever gave them. *Evidence* is the exact lower bound at looks that
were fixed in advance, over the places of a random sample. The warning is the exact upper bound of promoted links.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from linkaudit.evidence import GATE, LOOKS, exact_upper_bound, most_wrong
from linkaudit.models import InterimAnalysis
from linkaudit.sampling.queries import SampleProgress

# The bound of a single wrong place is the gate itself, and is computed a rounding error beside it.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class LookLine:
    """One look of a sample, done or to come: how many of its places are settled, and how many mistakes it may have."""

    size: int
    resolved: int
    mistakes: int
    allowed: int
    look: InterimAnalysis | None
    # Whether the sample has as many places.
    is_possible: bool

    @property
    def state(self) -> str:
        """Where it stands, in a word or two."""
        if self.look is not None:
            return "passed" if self.look.passed else "not passed"
        if not self.is_possible:
            return "sample too small"
        return "to come" if self.mistakes <= self.allowed else "cannot pass"

    @property
    def needed(self) -> int | None:
        """How many more places without a mistake let it pass; None where it was taken or cannot pass."""
        return self.size - self.resolved if self.state == "to come" else None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What samples prove: whether a look has passed, and the sample that the answer comes from (None: none drawn)."""

    passed: bool
    progress: SampleProgress | None
    looks: list[LookLine]

    @property
    def needed(self) -> int | None:
        """How many more places without a mistake let the next look pass that can; None without such a look."""
        if self.passed or self.progress is None or self.progress.sample.closed_at:
            return None
        return next((line.needed for line in self.looks if line.needed is not None), None)

    @property
    def words(self) -> str:
        """The verdict as a sentence."""
        if self.progress is None:
            return "No: no sample has been drawn, so nothing is proven."
        sample, found = self.progress.sample, self.progress.outcomes
        name = f"sample {sample.pk}"
        if self.passed:
            look = next(line.look for line in self.looks if line.look and line.look.passed)
            return (
                f"Yes: {look.error_count:,} wrong among the first {look.size:,} places of {name}; "
                f"precision is at least {look.lower_bound:.4f}."
            )
        if sample.size < LOOKS[0]:
            return f"No: {name} has {sample.size:,} links, and the first look needs {LOOKS[0]:,}."
        if sample.closed_at:
            return f"No: {name} was closed before a look has passed."
        if self.needed is None:
            mistakes = f"{found.mistakes:,} mistake{'' if found.mistakes == 1 else 's'}"
            return f"No: {name} has {mistakes}, too many for a look that is to come. Draw another one."
        if self.needed == 0:
            return f"Not yet: {name} is settled up to its next look, which is taken with the next verdict."
        return f"Not yet: {name} needs {self.needed:,} more without a mistake."


@dataclass(frozen=True, slots=True)
class PromotedWatch:
    """What the newest sample of promoted links says of them, as far as its places are settled."""

    progress: SampleProgress
    upper_bound: float

    @property
    def is_flagged(self) -> bool:
        """Whether even the upper bound is under the gate."""
        return self.upper_bound < GATE - ROUNDING

    @property
    def words(self) -> str:
        """The finding as a sentence."""
        found = self.progress.outcomes
        about = (
            f"{found.right:,} of {found.resolved:,} settled places of sample {self.progress.sample.pk} are right, "
            f"so precision is at most {self.upper_bound:.4f}"
        )
        heuristic = self.progress.sample.heuristic
        if self.is_flagged:
            return f"Promoted links of {heuristic} look worse than the gate: {about}, and the gate is {GATE:g}."
        return f"Promoted links of {heuristic} are not worse than the gate as far as is known: {about}."


def evidence_of(samples: Sequence[SampleProgress]) -> Evidence:
    """Return what the samples of a heuristic prove; they are given newest first.

    The newest sample that is decided speaks: one with a look that passed, or with all its looks taken. Where that is no
    pass, the newest sample tells how far it is. An earlier pass is not looked for behind a later failure: whoever
    draws until one passes would find one.
    """
    ours = [each for each in samples if each.is_precision]
    decided = next((each for each in ours if _is_decided(each)), None)
    if decided and _has_passed(decided):
        return Evidence(True, decided, look_lines(decided))
    return Evidence(False, ours[0], look_lines(ours[0])) if ours else Evidence(False, None, [])


def watch_of(samples: Sequence[SampleProgress]) -> PromotedWatch | None:
    """Return what is known of promoted links, from the newest sample with a settled place; None without one."""
    for each in samples:
        bound = None if each.is_precision else exact_upper_bound(each.outcomes.right, each.outcomes.resolved)
        if bound is not None:
            return PromotedWatch(each, bound)
    return None


def look_lines(progress: SampleProgress) -> list[LookLine]:
    """Return a line for each look of a sample for precision, done or to come."""
    lines = []
    for size in LOOKS:
        first = progress.places.first(size)
        look = progress.looks.get(size)
        mistakes = look.error_count if look else first.mistakes
        resolved = size if look else first.resolved
        lines.append(LookLine(size, resolved, mistakes, most_wrong(size), look, size <= progress.sample.size))
    return lines


def _has_passed(progress: SampleProgress) -> bool:
    return any(look.passed for look in progress.looks.values())


def _is_decided(progress: SampleProgress) -> bool:
    possible = [size for size in LOOKS if size <= progress.sample.size]
    return _has_passed(progress) or (bool(possible) and possible[-1] in progress.looks)
