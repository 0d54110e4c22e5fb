"""Whether the counts of references are right: what the last check found, and what was brought right since."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.core.formatting import format_capped_count
from ncfd_site.dashboard.tile import Action, Figure, Found, Line, Part, Source, Tile, mark, register
from ncfd_site.dashboard.views import register_shortcut
from ncfd_site.jobs.presentation import VERSION_ERRORS
from storage.models import Document, StorageObject
from storage.overview import CHECK
from storage.verification import Check, Summary

VIEW = "storage.view_storageobject"
DAYS = 7
LAST_CHECK = f"""
SELECT job_id, finished_at, result -> 'summary' AS summary FROM site_jobs
WHERE kind = '{CHECK}' AND state = 'done' AND result #> '{{summary,checks}}' ? '{Check.COUNTS.value}'
ORDER BY job_id DESC LIMIT 1
"""  # noqa: S608
MENDED = f"""
SELECT count(*) FILTER (WHERE occurred_at > now() - interval '{DAYS} days') AS events, max(occurred_at) AS newest
FROM unnest(ARRAY['count_corrected', 'repaired']) actions (action) CROSS JOIN LATERAL (
    SELECT occurred_at FROM storage_events e WHERE e.action = actions.action ORDER BY e.event_id DESC LIMIT 1001
) few
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class LastCheck:
    """The last check of the store that looked at the counts."""

    job_id: int
    finished_at: datetime | None
    summary: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mended:
    """What was brought right in the last days."""

    events: int
    newest: datetime | None


def build(found: Found, user: User) -> Tile:
    """Say how many counts were wrong, and how many were brought right."""
    figures, lines, as_of = [], [], None
    check = found["check"][0] if found["check"] else None
    summary = _summary(check)
    if check is None or summary is None:
        figures.append(Figure("not known", "no check has counted yet", reverse("storage:content")))
    else:
        as_of = check.finished_at
        address = reverse("jobs:job", args=[check.job_id])
        drift = summary.checks[Check.COUNTS].findings
        figures.append(Figure(f"{drift:,}", "counts were wrong at the last check", address, mark(bool(drift))))
        others = summary.findings - drift
        figures.append(Figure(f"{others:,}", "other things were wrong", address, mark(bool(others))))
        if not summary.is_complete:
            lines.append(Line("Not everything could be checked", address, "a store did not answer"))
    (mended,) = found["mended"]
    events = reverse("admin:storage_storageevent_changelist") if user.is_staff else ""
    figures.append(Figure(format_capped_count(mended.events, 1000), f"brought right in the last {DAYS} days", events))
    if mended.newest:
        lines.append(Line("Last brought right", events, at=mended.newest))
    further = (Action("Check the content", reverse("storage:content")),)
    return Tile(tuple(figures), tuple(lines), "", as_of, "the last check" if as_of else "", further)


def _summary(check: LastCheck | None) -> Summary | None:
    if check is None:
        return None
    try:
        return Summary.from_json(check.summary)
    except VERSION_ERRORS:
        return None


SOURCE = register(
    Source(
        "content",
        "Drift of counts",
        (VIEW,),
        {"check": Part(LAST_CHECK, LastCheck), "mended": Part(MENDED, Mended)},
        build,
        "storage:content",
        position=100,
    )
)
register_shortcut(Document, "what was found, and the text that was read out of it", position=40)
register_shortcut(StorageObject, "content that is kept, who refers to it, what may be cleaned up", position=50)
