"""What waits for this person: places to review, disagreements to settle, own jobs."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.urls import reverse

from linkaudit.review.queries import WAITING
from linkaudit.services import ADJUDICATE, LABEL
from ncfd_site.core.formatting import format_capped_count
from ncfd_site.dashboard.tile import COUNT_LIMIT, Action, Figure, Line, Query, Rows, Source, Tile, register

JOBS = "jobs.view_job"
# What was taken back was not said.
SAID = """
SELECT count(*) AS said FROM link_reviews r
WHERE r.reviewer = %(reviewer)s AND r.mode = 'queue' AND r.decision <> 'undone'
    AND r.reviewed_at >= date_trunc('day', now(), 'UTC')
    AND NOT EXISTS (
        SELECT FROM link_reviews t
        WHERE t.audit_id = r.audit_id AND t.supersedes = r.review_id AND t.decision = 'undone'
    )
"""
OPEN = """
SELECT EXISTS (
        SELECT FROM review_slots s JOIN review_samples m USING (sample_id)
        WHERE s.state = 'open' AND m.closed_at IS NULL
    ) AS is_a_sample_open,
    (SELECT audit_id FROM link_audit WHERE label IS NULL ORDER BY audit_id LIMIT 1) AS first_open
"""
DISAGREEMENTS = f"""
SELECT count(*) AS open, min(opened_at) AS oldest
FROM (SELECT opened_at FROM link_disagreements LIMIT {COUNT_LIMIT + 1}) few
"""  # noqa: S608
OWN_JOBS = """
SELECT count(*) FILTER (WHERE state = 'queued') AS waiting, count(*) FILTER (WHERE state = 'running') AS running
FROM site_jobs WHERE state IN ('queued', 'running') AND requested_by = %(reviewer)s
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Places that are open in all, and whether one would be served now."""

    open: int
    is_served: bool
    next_frees: datetime | None


@dataclass(frozen=True, slots=True)
class Said:
    """Decisions of today."""

    said: int


@dataclass(frozen=True, slots=True)
class Open:
    """What a reviewer can begin with."""

    is_a_sample_open: bool
    first_open: int | None


@dataclass(frozen=True, slots=True)
class Disagreements:
    """What waits for an adjudicator."""

    open: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class OwnJobs:
    """Long work that this person started and that has not ended."""

    waiting: int
    running: int


def build(found: Rows, user: User) -> Tile:
    """Say what waits, and what to do next."""
    figures: list[Figure] = []
    lines: list[Line] = []
    action = None
    for waiting in found["waiting"]:
        figures.append(
            Figure(format_capped_count(waiting.open, COUNT_LIMIT), "open places in samples", reverse("linkaudit:desk"))
        )
        if waiting.open and not waiting.is_served:
            lines.append(Line("None of them is for you now", note="others have them, or you have judged their links"))
    figures += [
        Figure(format_capped_count(said.said, COUNT_LIMIT), "decisions of yours today (UTC)", reverse("linkaudit:desk"))
        for said in found["said"]
    ]
    for disagreements in found["disagreements"]:
        figures.append(
            Figure(
                format_capped_count(disagreements.open, COUNT_LIMIT),
                "links wait for an adjudicator",
                reverse("linkaudit:disagreements"),
            )
        )
        if disagreements.oldest:
            lines.append(
                Line("The oldest of them waits since", url=reverse("linkaudit:disagreements"), at=disagreements.oldest)
            )
            action = Action("Settle disagreements", reverse("linkaudit:disagreements"))
    for jobs in found["jobs"]:
        address = reverse("jobs:jobs") + "?state=open"
        figures.append(
            Figure(format_capped_count(jobs.waiting + jobs.running, COUNT_LIMIT), "jobs of yours wait or run", address)
        )
    for opened in found["open"]:
        if opened.is_a_sample_open:
            action = Action("Go to the review desk", reverse("linkaudit:desk"))
        elif opened.first_open is not None:
            action = Action("Review the first open link", reverse("linkaudit:link", args=[opened.first_open]))
        else:
            lines.append(Line("Every link is labelled", note="new ones come with the next load"))
    return Tile(tuple(figures), tuple(lines), action=action)


SOURCE = register(
    Source(
        "queue",
        "My queue",
        (LABEL, ADJUDICATE, JOBS),
        {
            "waiting": Query(WAITING, Waiting, LABEL),
            "said": Query(SAID, Said, LABEL),
            "open": Query(OPEN, Open, LABEL),
            "disagreements": Query(DISAGREEMENTS, Disagreements, ADJUDICATE),
            "jobs": Query(OWN_JOBS, OwnJobs, JOBS),
        },
        build,
        parameters={"reviewer": User.get_username},
        position=10,
    )
)
