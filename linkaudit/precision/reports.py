"""All that the page and the JSON of a heuristic say, read together."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from linkaudit.charts import Line
from linkaudit.evidence import exact_interval, exact_lower_bound
from linkaudit.precision.breakdowns import Breakdowns, SourceCount, breakdowns, label_sources
from linkaudit.precision.verdicts import Evidence, PromotedWatch, evidence_of, watch_of
from linkaudit.precision.windows import Window
from linkaudit.queries import (
    HeuristicStanding,
    Precision,
    heuristic_precision,
    heuristic_standing,
    heuristics,
    reviews_needed,
)
from linkaudit.sampling.queries import SampleProgress, samples_of, telling_samples
from linkaudit.wilson import Interval


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Where a heuristic stands over all time: policy (in `standing`), evidence, the watch over promoted links."""

    standing: HeuristicStanding
    evidence: Evidence
    watch: PromotedWatch | None

    @property
    def policy_needed(self) -> int:
        """How many more reviewed links, all right, policy asks for; 0 where it is met."""
        return reviews_needed(self.standing.correct_links, self.standing.reviewed_links)

    @property
    def line(self) -> Line:
        """The heuristic, to be drawn."""
        return line_of(self.standing)


@dataclass(frozen=True, slots=True)
class Report:
    """One heuristic, its labels counted over a window; the verdicts are over all time, whatever the window."""

    as_of: datetime
    window: Window
    # Of the window.
    precision: Precision
    verdicts: Verdicts
    samples: list[SampleProgress]
    breakdowns: Breakdowns
    sources: list[SourceCount]

    @property
    def exact(self) -> Interval | None:
        """The exact two-sided 95 % interval."""
        return exact_interval(self.precision.correct_links, self.precision.reviewed_links)

    @property
    def lower_bound(self) -> float | None:
        """The exact one-sided 95 % lower bound, as if there had been one look only."""
        return exact_lower_bound(self.precision.correct_links, self.precision.reviewed_links)


def line_of(precision: Precision) -> Line:
    """A row of counts, to be drawn."""
    return Line(precision.heuristic, precision.correct_links, precision.reviewed_links)


def all_verdicts() -> list[Verdicts]:
    """Return where every heuristic stands, by name; the number of queries does not grow with the heuristics."""
    standings = heuristics()
    samples = telling_samples([standing.heuristic for standing in standings])
    return [_verdicts(standing, samples[standing.heuristic]) for standing in standings]


def report_on(heuristic: str, window: Window) -> Report | None:
    """Return all that is known of a heuristic, or None where it has proposed no link."""
    # PostgreSQL takes no text with this character in it, so no heuristic has such a name.
    standing = None if "\x00" in heuristic else heuristic_standing(heuristic)
    if standing is None:
        return None
    precision: Precision | None = standing
    if not window.is_open:
        precision = heuristic_precision(heuristic, window.start, window.end)
    samples = samples_of(heuristic)
    return Report(
        as_of=timezone.now(),
        window=window,
        precision=precision or Precision(heuristic, 0, 0, 0, 0, 0, None),
        verdicts=_verdicts(standing, samples),
        samples=samples,
        breakdowns=breakdowns(heuristic, window),
        sources=label_sources(heuristic, window),
    )


def _verdicts(standing: HeuristicStanding, samples: list[SampleProgress]) -> Verdicts:
    return Verdicts(standing, evidence_of(samples), watch_of(samples))
