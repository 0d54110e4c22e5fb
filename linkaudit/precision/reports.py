"""Reports on heuristics for the pages and the JSON: precision, sample evidence, and the check of promoted links.

Sample evidence is the exact lower bound at interim analyses of a random sample. It is independent of the promotion
rule, which counts all labels. The check of promoted links is the exact upper bound over a sample of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import Http404
from django.utils import timezone

from linkaudit.intervals import Interval, exact_interval, exact_lower_bound, exact_upper_bound
from linkaudit.models import InterimAnalysis
from linkaudit.precision.breakdowns import Breakdowns, Line, read_breakdowns
from linkaudit.precision.forms import Window
from linkaudit.queries import (
    UNKNOWN_HEURISTIC,
    HeuristicStatus,
    PrecisionCounts,
    list_statuses,
    read_precision,
    read_status,
)
from linkaudit.sampling.interim_analysis import REQUIRED_PRECISION, find_max_errors
from linkaudit.sampling.queries import MAX_SHOWN, SIZES, SampleProgress, read_samples
from ncfd_site.core.formatting import format_quantity

# With a single slot that is wrong, the bound equals the threshold, except for a rounding error.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class AnalysisRow:
    """One planned interim analysis of a sample; `analysis` is None until it has run."""

    size: int
    resolved: int
    error_count: int
    max_errors: int
    analysis: InterimAnalysis | None
    # Whether the sample has `size` slots.
    is_possible: bool

    @property
    def state(self) -> str:
        """State in a word or two."""
        if self.analysis is not None:
            return "passed" if self.analysis.passed else "not passed"
        if not self.is_possible:
            return "sample too small"
        return "planned" if self.error_count <= self.max_errors else "cannot pass"

    @property
    def needed(self) -> int | None:
        """Number of further correct items with which the analysis passes; None if it has run or cannot pass."""
        return self.size - self.resolved if self.state == "planned" else None


@dataclass(frozen=True, slots=True)
class SampleEvidence:
    """The result of the samples: whether they prove the required precision, and the sample that decides it."""

    is_proven: bool
    progress: SampleProgress | None
    rows: list[AnalysisRow]

    @property
    def needed(self) -> int | None:
        """Number of further correct items with which the next analysis passes; None if none can pass."""
        if self.is_proven or self.progress is None or self.progress.sample.closed_at:
            return None
        return next((row.needed for row in self.rows if row.needed is not None), None)

    @property
    def summary(self) -> str:
        """The conclusion as a sentence."""
        if self.progress is None:
            return "Not proven: no sample drawn."
        sample = self.progress.sample
        name = f"sample {sample.pk}"
        if self.is_proven:
            passed = next(row.analysis for row in self.rows if row.analysis and row.analysis.passed)
            return (
                f"Proven: {format_quantity(passed.error_count, 'error')} in the first {passed.size:,} items of {name}; "
                f"precision ≥ {passed.lower_bound:.4f}."
            )
        if sample.size < SIZES[0]:
            return (
                f"Not proven: {name} has {format_quantity(sample.size, 'link')}; the first analysis needs {SIZES[0]:,}."
            )
        if sample.closed_at:
            return f"Not proven: {name} was closed before an analysis passed."
        if self.needed is None:
            errors = format_quantity(self.progress.outcomes.error_count, "error")
            return f"Not proven: {errors} in {name}; no remaining analysis can pass. Draw a new sample."
        if self.needed == 0:
            return f"Not proven yet: {name} is analyzed with its next decision."
        return f"Not proven yet: {name} needs {self.needed:,} more correct, no errors."


@dataclass(frozen=True, slots=True)
class PromotedCheck:
    """The newest sample of promoted links with a resolved slot, and the exact upper bound of its precision."""

    progress: SampleProgress
    upper_bound: float

    @property
    def is_flagged(self) -> bool:
        """True if the upper bound is below the required precision."""
        return self.upper_bound < REQUIRED_PRECISION - ROUNDING

    @property
    def summary(self) -> str:
        """The finding as a sentence."""
        outcomes, sample = self.progress.outcomes, self.progress.sample
        correct = f"{outcomes.right:,} of {outcomes.resolved:,} correct in sample {sample.pk}"
        if self.is_flagged:
            return (
                f"Promoted links of {sample.heuristic} are below the required precision of {REQUIRED_PRECISION:g}: "
                f"{correct}, precision ≤ {self.upper_bound:.4f}."
            )
        return f"No sign of a drop among promoted links of {sample.heuristic}: {correct}."


@dataclass(frozen=True, slots=True)
class Assessment:
    """A heuristic over all links: promotion rule (in `status`), sample evidence, and check of promoted links."""

    status: HeuristicStatus
    evidence: SampleEvidence
    promoted: PromotedCheck | None

    @property
    def line(self) -> Line:
        """The heuristic as a line of a chart."""
        return Line.from_counts(self.status)


@dataclass(frozen=True, slots=True)
class Report:
    """One heuristic: `precision` and the breakdowns over a window, and the assessment over all links."""

    as_of: datetime
    window: Window
    precision: PrecisionCounts
    assessment: Assessment
    samples: list[SampleProgress]
    breakdowns: Breakdowns

    @property
    def exact(self) -> Interval | None:
        """Exact two-sided 95 % interval."""
        return exact_interval(self.precision.correct_links, self.precision.reviewed_links)

    @property
    def lower_bound(self) -> float | None:
        """Exact one-sided 95 % lower bound, as for a single analysis."""
        return exact_lower_bound(self.precision.correct_links, self.precision.reviewed_links)


def assess_samples(samples: Sequence[SampleProgress]) -> SampleEvidence:
    """Return the sample evidence for a heuristic from its samples, newest first.

    The newest completed sample decides: one that passed an analysis or ran all of them. If it did not pass, the
    newest sample is reported. An earlier pass does not count after a later failure, because repeated draws until one
    passes would always find one.
    """
    ours = [each for each in samples if each.is_precision]
    completed = next((each for each in ours if each.is_completed), None)
    if completed and completed.has_passed:
        return SampleEvidence(True, completed, list_analyses(completed))
    return SampleEvidence(False, ours[0], list_analyses(ours[0])) if ours else SampleEvidence(False, None, [])


def check_promoted(samples: Sequence[SampleProgress]) -> PromotedCheck | None:
    """Return the check of promoted links from samples, newest first; None without a resolved slot."""
    for each in samples:
        bound = None if each.is_precision else exact_upper_bound(each.outcomes.right, each.outcomes.resolved)
        if bound is not None:
            return PromotedCheck(each, bound)
    return None


def list_analyses(progress: SampleProgress) -> list[AnalysisRow]:
    """Return a row for each planned interim analysis of a precision sample."""
    rows = []
    for size in SIZES:
        first, analysis = progress.by_part.first(size), progress.analyses.get(size)
        error_count = analysis.error_count if analysis else first.error_count
        resolved = size if analysis else first.resolved
        is_possible = size <= progress.sample.size
        rows.append(AnalysisRow(size, resolved, error_count, find_max_errors(size), analysis, is_possible))
    return rows


def assess_all() -> list[Assessment]:
    """Return the assessment of every heuristic, by name, in a fixed number of queries."""
    statuses = list_statuses()
    samples = read_samples([status.heuristic for status in statuses])
    return [
        Assessment(status, assess_samples(samples[status.heuristic]), check_promoted(samples[status.heuristic]))
        for status in statuses
    ]


def assess(heuristic: str) -> Assessment:
    """Return the assessment of one heuristic; raises Http404 if it has proposed no link."""
    status = read_status(heuristic)
    if status is None:
        raise Http404(UNKNOWN_HEURISTIC)
    samples = read_samples([heuristic])[heuristic]
    return Assessment(status, assess_samples(samples), check_promoted(samples))


def build_report(heuristic: str, window: Window) -> Report:
    """Return the report on a heuristic; raises Http404 if it has proposed no link."""
    status = read_status(heuristic)
    if status is None:
        raise Http404(UNKNOWN_HEURISTIC)
    precision: PrecisionCounts | None = status
    if not window.is_open:
        precision = read_precision(heuristic, window.start, window.end)
    samples = read_samples([heuristic], MAX_SHOWN)[heuristic]
    return Report(
        as_of=timezone.now(),
        window=window,
        precision=precision or PrecisionCounts(heuristic, 0, 0, 0, 0, 0, None),
        assessment=Assessment(status, assess_samples(samples), check_promoted(samples)),
        samples=samples,
        breakdowns=read_breakdowns(heuristic, window),
    )
