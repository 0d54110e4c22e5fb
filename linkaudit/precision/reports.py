"""The data of the pages and the JSON of heuristics."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from linkaudit.intervals import Interval, exact_interval, exact_lower_bound
from linkaudit.precision.breakdowns import Breakdowns, SourceCount, count_by_group, count_label_sources
from linkaudit.precision.charts import Line
from linkaudit.precision.conclusions import PromotedCheck, SampleEvidence, assess_samples, check_promoted
from linkaudit.precision.forms import Window
from linkaudit.queries import HeuristicStatus, PrecisionCounts, list_statuses, read_precision, read_status
from linkaudit.sampling.queries import MAX_SHOWN, SampleProgress, read_samples


@dataclass(frozen=True, slots=True)
class Assessment:
    """A heuristic over all links: promotion rule (in `status`), sample evidence, and check of promoted links."""

    status: HeuristicStatus
    evidence: SampleEvidence
    promoted: PromotedCheck | None

    @property
    def line(self) -> Line:
        """The heuristic as a line of a chart."""
        return to_line(self.status)


@dataclass(frozen=True, slots=True)
class Report:
    """One heuristic: `precision` and the breakdowns over a window, and the assessment over all links."""

    as_of: datetime
    window: Window
    precision: PrecisionCounts
    assessment: Assessment
    samples: list[SampleProgress]
    breakdowns: Breakdowns
    sources: list[SourceCount]

    @property
    def exact(self) -> Interval | None:
        """Exact two-sided 95 % interval."""
        return exact_interval(self.precision.correct_links, self.precision.reviewed_links)

    @property
    def lower_bound(self) -> float | None:
        """Exact one-sided 95 % lower bound, as for a single analysis."""
        return exact_lower_bound(self.precision.correct_links, self.precision.reviewed_links)


def to_line(precision: PrecisionCounts) -> Line:
    """Return counts as a line of a chart."""
    return Line(precision.heuristic, precision.correct_links, precision.reviewed_links)


def assess_all() -> list[Assessment]:
    """Return the assessment of every heuristic, by name, in a fixed number of queries."""
    statuses = list_statuses()
    samples = read_samples([status.heuristic for status in statuses])
    return [_assess(status, samples[status.heuristic]) for status in statuses]


def build_report(heuristic: str, window: Window) -> Report | None:
    """Return the report on a heuristic, or None if it has proposed no link."""
    status = read_status(heuristic)
    if status is None:
        return None
    precision: PrecisionCounts | None = status
    if not window.is_open:
        precision = read_precision(heuristic, window.start, window.end)
    samples = read_samples([heuristic], MAX_SHOWN)[heuristic]
    return Report(
        as_of=timezone.now(),
        window=window,
        precision=precision or PrecisionCounts(heuristic, 0, 0, 0, 0, 0, None),
        assessment=_assess(status, samples),
        samples=samples,
        breakdowns=count_by_group(heuristic, window),
        sources=count_label_sources(heuristic, window),
    )


def _assess(status: HeuristicStatus, samples: list[SampleProgress]) -> Assessment:
    return Assessment(status, assess_samples(samples), check_promoted(samples))
