"""Links on which people differ."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.urls import reverse

from linkaudit.services import ADJUDICATE
from ncfd_site.core.formatting import format_capped_count
from ncfd_site.dashboard.tile import MOST_COUNTED, Action, Figure, Found, Line, Part, Source, Tile, register

VIEW = "linkaudit.view_linkdispute"
DISPUTES = f"""
SELECT coalesce(heuristic, '') AS heuristic, count(*) FILTER (WHERE why = 'disagreement') AS differ,
    count(*) FILTER (WHERE why <> 'disagreement') AS unsure, min(since) AS oldest
FROM (SELECT heuristic, why, since FROM link_disputes LIMIT {MOST_COUNTED + 1}) few
GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 5
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Disputes:
    """How many links of a heuristic wait, because people differ or one is unsure."""

    heuristic: str
    differ: int
    unsure: int
    oldest: datetime


def build(found: Found, user: User) -> Tile:
    """Say how many wait, by heuristic."""
    may_settle = user.has_perm(ADJUDICATE)
    address = reverse("linkaudit:disputes") if may_settle else reverse("linkaudit:agreement")
    disputes = found["disputes"]
    figures = (
        Figure(
            format_capped_count(sum(one.differ for one in disputes), MOST_COUNTED),
            "links on which two people differ",
            address,
        ),
        Figure(
            format_capped_count(sum(one.unsure for one in disputes), MOST_COUNTED),
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
        for one in disputes
    )
    further = (Action("How far people agree", reverse("linkaudit:agreement")),)
    return Tile(figures, lines, "Nobody differs on a link now.", further=further)


SOURCE = register(
    Source(
        "disagreements",
        "Disagreements",
        (VIEW,),
        {"disputes": Part(DISPUTES, Disputes)},
        build,
        "linkaudit:agreement",
        position=40,
    )
)
