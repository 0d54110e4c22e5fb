"""Reviewed links of a heuristic by confidence, link type and month, the sources of labels, and the wrong links."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import F

from linkaudit.blinding import exclude_blind
from linkaudit.intervals import Interval, wilson_interval
from linkaudit.models import LinkAudit, LinkReview
from linkaudit.precision.forms import Window
from linkaudit.queries import IS_ACTIVE, PrecisionCounts
from linkaudit.sampling.interim_analysis import REQUIRED_PRECISION
from ncfd_site.core import sql
from ncfd_site.core.charts.intervals import Estimate, IntervalChart, IntervalItem, build_interval_chart

# Lower ends of the confidence bands after the first.
BANDS = (0.5, 0.7, 0.8, 0.9)
BAND_LABELS = ("under 0.50", "0.50 to 0.69", "0.70 to 0.79", "0.80 to 0.89", "0.90 to 1.00")
# A page shows this many months. A window finds earlier ones.
MAX_MONTHS = 24
PAGE_SIZE = 20

# The labeled links of a heuristic that were created in a window.
LABELED = """
    SELECT * FROM link_audit
    WHERE heuristic_applied = %(heuristic)s AND label IS NOT NULL
      AND created_at >= coalesce(%(start)s, '-infinity'::timestamptz)
      AND created_at <= coalesce(%(end)s, 'infinity'::timestamptz)
"""
# All three breakdowns in one scan of the labeled links.
GROUPED = f"""
WITH labeled AS (
    SELECT label, link_type, width_bucket(confidence, %(bands)s::numeric[]) AS band,
           -- Infinity has no month.
           coalesce(to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM'), created_at::text) AS month
    FROM ({LABELED}) a
)
SELECT CASE grouping(band, link_type, month) WHEN 3 THEN 'band' WHEN 5 THEN 'link_type' ELSE 'month' END AS kind,
       coalesce(band::text, link_type, month) AS key, count(*) FILTER (WHERE label) AS correct, count(*) AS reviewed
FROM labeled GROUP BY GROUPING SETS ((band), (link_type), (month)) ORDER BY 1, 2
"""  # noqa: S608
# The source of a label is the last decision right or wrong on its link that was not undone. It is sample evidence if
# the queue requested it for a precision sample, or if it is the adjudication of such a decision.
SOURCES = f"""
SELECT coalesce(a.label_source, '') AS source, coalesce(r.mode, '') AS mode,
       coalesce(r.mode IN ('queue', 'adjudication'), false) AND EXISTS (
           SELECT FROM review_slots s JOIN review_samples m USING (sample_id)
           WHERE s.audit_id = a.audit_id AND s.state = 'done' AND m.purpose = 'precision'
             AND m.heuristic = a.heuristic_applied AND m.sample_id = coalesce(r.sample_id, m.sample_id)
       ) AS is_sample_evidence,
       count(*) FILTER (WHERE a.label) AS correct, count(*) FILTER (WHERE NOT a.label) AS incorrect
FROM ({LABELED}) a
LEFT JOIN LATERAL (
    SELECT r.mode, r.sample_id FROM link_reviews r
    WHERE r.audit_id = a.audit_id AND r.decision IN ('right', 'wrong')
      AND {IS_ACTIVE.format("r")}
    ORDER BY r.review_id DESC LIMIT 1
) r ON true
GROUP BY 1, 2, 3 ORDER BY 3 DESC, count(*) DESC, 1, 2
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Line:
    """Number of correct and of reviewed links of a group."""

    name: str
    correct: int
    reviewed: int

    @property
    def rate(self) -> float | None:
        """Correct / reviewed; None if nothing is reviewed."""
        return self.correct / self.reviewed if self.reviewed else None

    @property
    def interval(self) -> Interval | None:
        """Wilson 95 % interval; None if nothing is reviewed."""
        return wilson_interval(self.correct, self.reviewed)

    @property
    def incorrect(self) -> int:
        """Number of reviewed links that are wrong."""
        return self.reviewed - self.correct

    @classmethod
    def from_counts(cls, counts: PrecisionCounts) -> "Line":
        """Return the counts of a heuristic as a line."""
        return cls(counts.heuristic, counts.correct_links, counts.reviewed_links)

    def to_item(self) -> IntervalItem:
        """Return the line as an item of a chart."""
        if self.rate is None or self.interval is None:
            return IntervalItem(self.name, "not reviewed", None)
        text = f"{self.correct:,} of {self.reviewed:,} right"
        return IntervalItem(self.name, text, Estimate(self.rate, self.interval.low, self.interval.high), self.reviewed)


@dataclass(frozen=True, slots=True)
class SourceCount:
    """Number of labels from one source and mode ("" for an unknown one), and whether they are sample evidence."""

    source: str
    mode: str
    is_sample_evidence: bool
    correct: int
    incorrect: int

    @property
    def source_label(self) -> str:
        """The source in words."""
        return dict(LinkAudit.LabelSource.choices).get(self.source, self.source) or "unknown"

    @property
    def mode_label(self) -> str:
        """The mode in words."""
        return dict(LinkReview.Mode.choices).get(self.mode, self.mode) or "not recorded"


@dataclass(frozen=True, slots=True)
class Breakdowns:
    """Correct of reviewed links by confidence band, link type, month (UTC) of creation, and source of the label."""

    bands: list[Line]
    link_types: list[Line]
    months: list[Line]
    sources: list[SourceCount]


@dataclass(frozen=True, slots=True)
class WrongPage:
    """One page of the links labeled wrong, the newest label first, and the newest `promoted` ones."""

    links: list[LinkAudit]
    number: int
    has_next: bool
    promoted: list[LinkAudit]


@dataclass(frozen=True, slots=True)
class _Group:
    kind: str
    key: str
    correct: int
    reviewed: int


def build_precision_chart(lines: Sequence[Line]) -> IntervalChart:
    """Return a chart with a row for each line, its interval and the required precision."""
    return build_interval_chart([line.to_item() for line in lines], REQUIRED_PRECISION)


def read_breakdowns(heuristic: str, window: Window) -> Breakdowns:
    """Count the reviewed links of a heuristic that were created in the window; sample evidence is the first source."""
    groups: dict[str, list[Line]] = {"band": [], "link_type": [], "month": []}
    values = {"heuristic": heuristic, "start": window.start, "end": window.end}
    for row in sql.rows(GROUPED, {**values, "bands": list(BANDS)}, of=_Group):
        name = BAND_LABELS[int(row.key)] if row.kind == "band" else row.key
        groups[row.kind].append(Line(name.replace("_", " "), row.correct, row.reviewed))
    sources = sql.rows(SOURCES, values, of=SourceCount)
    return Breakdowns(groups["band"], groups["link_type"], groups["month"][-MAX_MONTHS:], sources)


def read_wrong_page(heuristic: str, window: Window, number: int, user: User) -> WrongPage:
    """Return page `number` (from 1) of the links of a heuristic that are labeled wrong in the window.

    With it, the newest promoted ones, over all time. Links hidden from the user are omitted.
    """
    wrong = exclude_blind(LinkAudit.objects.filter(heuristic_applied=heuristic, label=False), user)
    wrong = wrong.defer("evidence_jsonb").select_related("asset")
    # Labels without a date are last.
    wrong = wrong.order_by(F("reviewed_at").desc(nulls_last=True), "-audit_id")
    promoted = wrong.filter(promotion_status=LinkAudit.PromotionStatus.PROMOTED)[:PAGE_SIZE]
    if window.start:
        wrong = wrong.filter(created_at__gte=window.start)
    if window.end:
        wrong = wrong.filter(created_at__lte=window.end)
    start = (number - 1) * PAGE_SIZE
    found = list(wrong[start : start + PAGE_SIZE + 1])
    return WrongPage(found[:PAGE_SIZE], number, len(found) > PAGE_SIZE, list(promoted))
