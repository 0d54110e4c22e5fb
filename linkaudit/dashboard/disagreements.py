"""Links on which people differ."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.urls import reverse

from linkaudit.services import ADJUDICATE
from ncfd_site.core.formatting import format_capped_count
from ncfd_site.dashboard.tile import COUNT_LIMIT, Action, Figure, Line, Query, Rows, Source, Tile, register

VIEW = "linkaudit.view_linkdisagreement"
DISAGREEMENTS = f"""
SELECT coalesce(heuristic, '') AS heuristic, count(*) FILTER (WHERE reason = 'conflict') AS differ,
    count(*) FILTER (WHERE reason <> 'conflict') AS unsure, min(opened_at) AS oldest
FROM (SELECT heuristic, reason, opened_at FROM link_disagreements LIMIT {COUNT_LIMIT + 1}) few
GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 5
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Disagreements:
    """How many links of a heuristic wait, because people differ or one is unsure."""

    heuristic: str
    differ: int
    unsure: int
    oldest: datetime


def build(found: Rows, user: User) -> Tile:
    """Say how many wait, by heuristic."""
    may_settle = user.has_perm(ADJUDICATE)
    address = reverse("linkaudit:disagreements") if may_settle else reverse("linkaudit:agreement")
    disagreements = found["disagreements"]
    figures = (
        Figure(
            format_capped_count(sum(one.differ for one in disagreements), COUNT_LIMIT),
            "links on which two people differ",
            address,
        ),
        Figure(
            format_capped_count(sum(one.unsure for one in disagreements), COUNT_LIMIT),
            "links of which somebody is unsure",
            address,
        ),
    )
    lines = tuple(
        Line(
            one.heuristic or "no heuristic named",
            reverse("linkaudit:heuristic", args=[one.heuristic]) if one.heuristic else "",
            figure=f"{one.differ} differ, {one.unsure} unsure",
            note="the oldest",
            at=one.oldest,
        )
        for one in disagreements
    )
    further = (Action("How far people agree", reverse("linkaudit:agreement")),)
    return Tile(figures, lines, "Nobody differs on a link now.", links=further)


SOURCE = register(
    Source(
        "disagreements",
        "Disagreements",
        (VIEW,),
        {"disagreements": Query(DISAGREEMENTS, Disagreements)},
        build,
        "linkaudit:agreement",
        position=40,
    )
)
