"""The tile of reference-count drift, and shortcuts to documents and objects."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.core.charts.series import SeriesItem
from ncfd_site.core.formatting import format_capped_count
from ncfd_site.dashboard.activity import Period, register_series
from ncfd_site.dashboard.tile import Action, Figure, Line, Query, Rows, Source, Tile, figure_status, register
from ncfd_site.dashboard.views import register_shortcut
from storage.jobs import VERIFY
from storage.models import Document, StorageObject
from storage.overview import read_verification
from storage.verification import Check

VIEW = "storage.view_storageobject"
DAYS = 7
MAX_CORRECTIONS = 1000
LAST_VERIFICATION = f"""
SELECT job_id, finished_at, result -> 'summary' AS summary FROM site_jobs
WHERE kind = '{VERIFY}' AND state = 'done' AND result #> '{{summary,checks}}' ? '{Check.COUNTS.value}'
ORDER BY job_id DESC LIMIT 1
"""  # noqa: S608
CORRECTIONS = f"""
SELECT count(*) FILTER (WHERE occurred_at > now() - interval '{DAYS} days') AS recent_count,
       max(occurred_at) AS latest_at
FROM unnest(ARRAY['count_corrected', 'repaired']) actions (action) CROSS JOIN LATERAL (
    SELECT occurred_at FROM storage_events e WHERE e.action = actions.action
    ORDER BY e.event_id DESC LIMIT {MAX_CORRECTIONS + 1}
) latest
"""  # noqa: S608

DISCOVERED = """
    SELECT discovered_at AS at, greatest(extract(epoch FROM discovered_at - published_at), 0) / 86400 AS days
    FROM documents WHERE isfinite(published_at) AND discovered_at >= {since}
"""


@dataclass(frozen=True, slots=True)
class VerificationJob:
    """The last verification of counts."""

    job_id: int
    finished_at: datetime | None
    summary: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Corrections:
    """The number of corrections in the last days, and the time of the latest."""

    recent_count: int
    latest_at: datetime | None


def build_tile(found: Rows, user: User) -> Tile:
    """Return the errors of the last verification and the recent corrections."""
    figures, lines, as_of = [], [], None
    job = found["verification"][0] if found["verification"] else None
    last = read_verification(job.job_id, job.finished_at, job.summary) if job else None
    if last is None:
        figures.append(Figure("unknown", "drift: not verified yet", reverse("storage:content")))
    else:
        as_of = last.finished_at
        url = reverse("jobs:job", args=[last.job_id])
        counts = {"wrong counts in the last verification": last.drift_count, "other errors": last.other_count}
        figures += [Figure(f"{count:,}", label, url, figure_status(bool(count))) for label, count in counts.items()]
        if not last.is_complete:
            lines.append(Line("Verification incomplete", url, "store unavailable"))
    (corrections,) = found["corrections"]
    events = reverse("admin:storage_storageevent_changelist") if user.is_staff else ""
    corrected = format_capped_count(corrections.recent_count, MAX_CORRECTIONS)
    figures.append(Figure(corrected, f"corrected, last {DAYS} days", events))
    if corrections.latest_at:
        lines.append(Line("Last correction", events, at=corrections.latest_at))
    further = (Action("Verify content", reverse("storage:content")),)
    return Tile(tuple(figures), tuple(lines), "", as_of, "the last verification" if as_of else "", further)


SOURCE = register(
    Source(
        "content",
        "Reference-count drift",
        (VIEW,),
        {
            "verification": Query(LAST_VERIFICATION, VerificationJob),
            "corrections": Query(CORRECTIONS, Corrections),
        },
        build_tile,
        "storage:content",
        position=100,
        workers=("storage.operate_storageobject",),
    )
)
register_shortcut(Document, "documents and their extracted text", position=40)
register_shortcut(StorageObject, "stored objects, their references, and garbage", position=50)


def describe_delay(period: Period) -> SeriesItem:
    """Return the median days between publication and discovery of the documents of a period as an item."""
    if period.value is None:
        return SeriesItem(period.at.isoformat(), None, "no documents")
    text = f"{period.value:.1f} days ({period.count:,} document{'' if period.count == 1 else 's'})"
    return SeriesItem(period.at.isoformat(), period.value, text)


register_series(
    "delay", "Median days from publication to discovery, by week", "storage.view_document", unit="week",
    rows=DISCOVERED, value="percentile_cont(0.5) WITHIN GROUP (ORDER BY r.days::float8)", describe=describe_delay,
    heading="Median delay",
)  # fmt: skip
