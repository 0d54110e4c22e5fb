"""Reviewed links of a heuristic counted by what they are, by when they were made, and by who said so and how."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F

from linkaudit.charts import Line
from linkaudit.models import LinkAudit, LinkReview
from linkaudit.precision.windows import Window
from ncfd_site.core import sql

# Where the bands of confidence begin, behind the first one.
BANDS = (0.5, 0.7, 0.8, 0.9)
BAND_WORDS = ("under 0.50", "0.50 to 0.69", "0.70 to 0.79", "0.80 to 0.89", "0.90 to 1.00")
# Months that are drawn; earlier ones are found by a window.
MONTHS = 24
PAGE_SIZE = 20

# Once over the labelled links, for all three.
GROUPED = """
WITH labelled AS (
    SELECT a.label, a.link_type, width_bucket(a.confidence, %(bands)s::numeric[]) AS band,
           to_char(a.created_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month
    FROM link_audit a
    WHERE a.heuristic_applied = %(heuristic)s AND a.label IS NOT NULL
      AND a.created_at >= coalesce(%(start)s, '-infinity'::timestamptz)
      AND a.created_at <= coalesce(%(end)s, 'infinity'::timestamptz)
)
SELECT CASE grouping(band, link_type, month) WHEN 3 THEN 'band' WHEN 5 THEN 'link_type' ELSE 'month' END AS what,
       coalesce(band::text, link_type, month) AS key, count(*) FILTER (WHERE label) AS correct, count(*) AS reviewed
FROM labelled GROUP BY GROUPING SETS ((band), (link_type), (month)) ORDER BY 1, 2
"""
# How a label came about: by the last decision on its link that says right or wrong and was not taken back. It is
# evidence where the queue asked for it, for a sample for precision, or where it is the adjudication of that.
SOURCES = """
WITH labelled AS (
    SELECT a.audit_id, a.label, a.label_source, a.heuristic_applied FROM link_audit a
    WHERE a.heuristic_applied = %(heuristic)s AND a.label IS NOT NULL
      AND a.created_at >= coalesce(%(start)s, '-infinity'::timestamptz)
      AND a.created_at <= coalesce(%(end)s, 'infinity'::timestamptz)
)
SELECT coalesce(a.label_source, '') AS source, coalesce(r.mode, '') AS mode,
       coalesce(r.mode IN ('queue', 'adjudication'), false) AND EXISTS (
           SELECT FROM review_slots s JOIN review_samples m USING (sample_id)
           WHERE s.audit_id = a.audit_id AND s.state = 'done' AND m.purpose = 'precision'
             AND m.heuristic = a.heuristic_applied AND m.sample_id = coalesce(r.sample_id, m.sample_id)) AS is_evidence,
       count(*) FILTER (WHERE a.label) AS correct, count(*) FILTER (WHERE NOT a.label) AS incorrect
FROM labelled a
LEFT JOIN LATERAL (
    SELECT r.mode, r.sample_id FROM link_reviews r
    WHERE r.audit_id = a.audit_id AND r.decision IN ('right', 'wrong')
      AND NOT EXISTS (SELECT FROM link_reviews t WHERE t.audit_id = r.audit_id AND t.decision = 'undone'
                      AND t.supersedes = r.review_id)
    ORDER BY r.review_id DESC LIMIT 1
) r ON true
GROUP BY 1, 2, 3 ORDER BY 3 DESC, count(*) DESC, 1, 2
"""


@dataclass(frozen=True, slots=True)
class Breakdowns:
    """Right of reviewed links by band of confidence, by kind of link, and by the month (UTC) they were made in."""

    bands: list[Line]
    link_types: list[Line]
    months: list[Line]


@dataclass(frozen=True, slots=True)
class SourceCount:
    """How many labels came from a source in a mode, and whether they are evidence."""

    source: str
    mode: str
    is_evidence: bool
    correct: int
    incorrect: int

    @property
    def source_words(self) -> str:
        """The source, as people say it."""
        return dict(LinkAudit.LabelSource.choices).get(self.source, self.source) or "not said"

    @property
    def mode_words(self) -> str:
        """How it was said."""
        return dict(LinkReview.Mode.choices).get(self.mode, self.mode) or "not recorded"


@dataclass(frozen=True, slots=True)
class WrongPage:
    """One page of the links that are labelled wrong, the newest decision first."""

    links: list[LinkAudit]
    number: int
    has_next: bool


@dataclass(frozen=True, slots=True)
class _Group:
    what: str
    key: str
    correct: int
    reviewed: int


def breakdowns(heuristic: str, window: Window) -> Breakdowns:
    """Count the reviewed links of a heuristic that were made in the window; one query."""
    given = {**_given(heuristic, window), "bands": list(BANDS)}
    groups: dict[str, list[Line]] = {"band": [], "link_type": [], "month": []}
    for row in sql.rows(GROUPED, given, of=_Group):
        name = BAND_WORDS[int(row.key)] if row.what == "band" else row.key
        groups[row.what].append(Line(name.replace("_", " "), row.correct, row.reviewed))
    return Breakdowns(groups["band"], groups["link_type"], groups["month"][-MONTHS:])


def label_sources(heuristic: str, window: Window) -> list[SourceCount]:
    """Count its labels by their source and by how they were given, evidence first; one query."""
    return sql.rows(SOURCES, _given(heuristic, window), of=SourceCount)


def wrong_links(heuristic: str, window: Window, number: int) -> WrongPage:
    """Return page `number` (from 1) of the links of a heuristic that are labelled wrong; nothing is counted."""
    links = _shown().filter(heuristic_applied=heuristic, label=False)
    if window.start:
        links = links.filter(created_at__gte=window.start)
    if window.end:
        links = links.filter(created_at__lte=window.end)
    start = (number - 1) * PAGE_SIZE
    found = list(links.order_by(*_newest())[start : start + PAGE_SIZE + 1])
    return WrongPage(found[:PAGE_SIZE], number, len(found) > PAGE_SIZE)


def promoted_and_wrong(heuristic: str) -> Sequence[LinkAudit]:
    """Return the newest links of a heuristic that are promoted and were labelled wrong all the same."""
    status = LinkAudit.PromotionStatus.PROMOTED
    links = _shown().filter(heuristic_applied=heuristic, promotion_status=status, label=False)
    return list(links.order_by(*_newest())[:PAGE_SIZE])


def _shown() -> Any:
    return LinkAudit.objects.defer("evidence_jsonb").select_related("asset")


def _newest() -> list[Any]:
    # A label of unknown date comes last.
    return [F("reviewed_at").desc(nulls_last=True), "-audit_id"]


def _given(heuristic: str, window: Window) -> dict[str, str | datetime | None]:
    return {"heuristic": heuristic, "start": window.start, "end": window.end}
