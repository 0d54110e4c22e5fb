"""Tiles of the home page: the user's queue, and disagreements by heuristic."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.urls import reverse

from linkaudit.intervals import wilson_interval
from linkaudit.queries import IS_ACTIVE
from linkaudit.review.queries import AVAILABILITY, Availability
from linkaudit.services import ADJUDICATE, LABEL
from ncfd_site.core.charts.intervals import Estimate
from ncfd_site.core.charts.series import SeriesItem
from ncfd_site.core.formatting import format_capped_count
from ncfd_site.dashboard.activity import Period, count_as, register_series
from ncfd_site.dashboard.tile import COUNT_LIMIT, Action, Figure, Line, Query, Rows, Source, Tile, register

VIEW_DISAGREEMENTS = "linkaudit.view_linkdisagreement"
VIEW_JOBS = "jobs.view_job"

DECIDED_TODAY = f"""
SELECT count(*) FROM link_reviews r
WHERE r.reviewer = %(reviewer)s AND r.mode = 'queue' AND r.decision <> 'undone'
    AND r.reviewed_at >= date_trunc('day', now(), 'UTC')
    AND {IS_ACTIVE.format("r")}
"""  # noqa: S608
REVIEWABLE = """
SELECT EXISTS (
        SELECT FROM review_slots s JOIN review_samples m USING (sample_id)
        WHERE s.state = 'open' AND m.closed_at IS NULL
    ) AS has_open_sample,
    (SELECT audit_id FROM link_audit WHERE label IS NULL ORDER BY audit_id LIMIT 1) AS first_open_link
"""
ADJUDICATIONS = f"""
SELECT count(*) AS open_count, min(opened_at) AS oldest
FROM (SELECT opened_at FROM link_disagreements LIMIT {COUNT_LIMIT + 1}) few
"""  # noqa: S608
OWN_JOBS = """
SELECT count(*) FROM site_jobs WHERE state IN ('queued', 'running') AND requested_by = %(reviewer)s
"""
BY_HEURISTIC = f"""
SELECT coalesce(heuristic, '') AS heuristic, count(*) FILTER (WHERE reason = 'conflict') AS conflicts,
    count(*) FILTER (WHERE reason <> 'conflict') AS unsure, min(opened_at) AS oldest
FROM (SELECT heuristic, reason, opened_at FROM link_disagreements LIMIT {COUNT_LIMIT + 1}) few
GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 5
"""  # noqa: S608

LABELS = f"""
    SELECT r.reviewed_at AS at, r.decision = 'right' AS is_right FROM link_reviews r
    WHERE r.decision IN ('right', 'wrong') AND r.mode <> 'existing' AND {IS_ACTIVE.format("r")}
    AND r.reviewed_at >= {{since}}
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class OwnCount:
    """Number of the user's queue decisions of today that were not undone, or of unfinished jobs."""

    count: int


@dataclass(frozen=True, slots=True)
class Reviewable:
    """Links that a reviewer can start with."""

    has_open_sample: bool
    first_open_link: int | None


@dataclass(frozen=True, slots=True)
class Adjudications:
    """Links awaiting adjudication."""

    open_count: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class HeuristicDisagreements:
    """Links of a heuristic awaiting adjudication, by reason."""

    heuristic: str
    conflicts: int
    unsure: int
    oldest: datetime


def build_queue_tile(found: Rows, user: User) -> Tile:
    """Return the tile of the user's open work, with the next action."""
    desk, adjudication = reverse("linkaudit:desk"), reverse("linkaudit:disagreements")
    figures: list[Figure] = []
    lines: list[Line] = []
    action = None
    for available in found["availability"]:
        figures.append(
            Figure(_format_capped(available.open_count if available.is_available else 0), "items to review", desk)
        )
        if available.open_count and not available.is_available:
            note = "reserved by others, or reviewed by you"
            lines.append(Line(f"{_format_capped(available.open_count)} open, none available to you", note=note))
    figures += [Figure(_format_capped(today.count), "reviewed by you today (UTC)", desk) for today in found["today"]]
    for waiting in found["adjudications"]:
        figures.append(Figure(_format_capped(waiting.open_count), "awaiting adjudication", adjudication))
        if waiting.oldest:
            lines.append(Line("Oldest item", url=adjudication, at=waiting.oldest))
            action = Action("Resolve disagreements", adjudication)
    for jobs in found["jobs"]:
        figures.append(Figure(_format_capped(jobs.count), "your active jobs", reverse("jobs:jobs") + "?state=open"))
    for reviewable in found["reviewable"]:
        if reviewable.has_open_sample:
            action = Action("Start reviewing", desk)
        elif reviewable.first_open_link is not None:
            link = reverse("linkaudit:link", args=[reviewable.first_open_link])
            action = Action("Review the first open link", link)
        else:
            lines.append(Line("Every link is labeled", note="imports add new ones"))
    return Tile(tuple(figures), tuple(lines), action=action)


def build_disagreements_tile(found: Rows, user: User) -> Tile:
    """Return the tile of links awaiting adjudication, by heuristic."""
    agreement = reverse("linkaudit:agreement")
    address = reverse("linkaudit:disagreements") if user.has_perm(ADJUDICATE) else agreement
    heuristics = found["heuristics"]
    figures = (
        Figure(_format_capped(sum(each.conflicts for each in heuristics)), "conflicting reviews", address),
        Figure(_format_capped(sum(each.unsure for each in heuristics)), "marked unsure", address),
    )
    lines = tuple(
        Line(
            each.heuristic or "no heuristic",
            reverse("linkaudit:heuristic", args=[each.heuristic]) if each.heuristic else "",
            figure=f"{each.conflicts} conflicting, {each.unsure} unsure",
            note="oldest",
            at=each.oldest,
        )
        for each in heuristics
    )
    links = (Action("Reviewer agreement", agreement),)
    return Tile(figures, lines, "No open disagreements.", links=links)


def describe_precision(period: Period) -> SeriesItem:
    """Return the share of the labels of a period that are right, with its 95 % interval, as an item."""
    right = int(period.value or 0)
    interval = wilson_interval(right, period.count)
    if interval is None:
        return SeriesItem(period.at.isoformat(), None, "no labels")
    rate = right / period.count
    text = f"{rate:.1%} ({right:,} of {period.count:,})".replace("%", " %")
    return SeriesItem(period.at.isoformat(), rate, text, Estimate(rate, interval.low, interval.high))


def _format_capped(count: int) -> str:
    return format_capped_count(count, COUNT_LIMIT)


register(
    Source(
        "queue",
        "My queue",
        (LABEL, ADJUDICATE, VIEW_JOBS),
        {
            "availability": Query(AVAILABILITY, Availability, LABEL),
            "today": Query(DECIDED_TODAY, OwnCount, LABEL),
            "reviewable": Query(REVIEWABLE, Reviewable, LABEL),
            "adjudications": Query(ADJUDICATIONS, Adjudications, ADJUDICATE),
            "jobs": Query(OWN_JOBS, OwnCount, VIEW_JOBS),
        },
        build_queue_tile,
        parameters={"reviewer": User.get_username},
        position=10,
        workers=(LABEL, ADJUDICATE),
    )
)
register(
    Source(
        "disagreements",
        "Disagreements",
        (VIEW_DISAGREEMENTS,),
        {"heuristics": Query(BY_HEURISTIC, HeuristicDisagreements)},
        build_disagreements_tile,
        "linkaudit:agreement",
        position=40,
        workers=(ADJUDICATE,),
    )
)
register_series(
    "labels", "Labels a day", "linkaudit.view_linkreview", unit="day", rows=LABELS, describe=count_as("label"),
    heading="Labels",
)  # fmt: skip
register_series(
    "precision", "Labels right a month, with 95 % interval", "linkaudit.view_linkreview", unit="month", rows=LABELS,
    value="(count(*) FILTER (WHERE r.is_right))::float8", describe=describe_precision, heading="Right",
)  # fmt: skip
