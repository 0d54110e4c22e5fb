"""Tiles of analysts: movements since the last visit, and the next readouts."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from ncfd_site.core.formatting import format_capped_count, format_date_distance, format_percent
from ncfd_site.dashboard.layout import get_last_visit
from ncfd_site.dashboard.tile import COUNT_LIMIT, Figure, Line, Query, Rows, Source, Tile, register
from signals.dashboard.risk import SEARCHED, SHOWN, VIEW

DAYS = 30
# Of the trials that moved most in the latest run, those whose score differs from that of the last visit.
MOVEMENTS = f"""
SELECT t.nct_id, t.indication, o.p_fail AS before, m.p_fail AS now
FROM (
    (SELECT trial_id, p_fail, scored_at FROM trial_current_scores
     WHERE change > 0 ORDER BY change DESC NULLS LAST, trial_id LIMIT {SEARCHED})
    UNION ALL
    (SELECT trial_id, p_fail, scored_at FROM trial_current_scores
     WHERE change < 0 ORDER BY change ASC NULLS FIRST, trial_id DESC LIMIT {SEARCHED})
) m
JOIN trials t USING (trial_id)
CROSS JOIN LATERAL (
    SELECT p_fail FROM scores o WHERE o.trial_id = m.trial_id AND o.scored_at <= %(visit)s::timestamptz
    ORDER BY o.scored_at DESC LIMIT 1
) o
WHERE m.scored_at > %(visit)s::timestamptz AND o.p_fail <> m.p_fail
ORDER BY abs(m.p_fail - o.p_fail) DESC, t.trial_id
"""  # noqa: S608
READOUTS = f"""
SELECT t.nct_id, t.indication, t.est_primary_completion_date AS day, s.p_fail, t.total
FROM (
    SELECT *, count(*) OVER () AS total FROM (
        SELECT trial_id, nct_id, indication, est_primary_completion_date FROM trials
        WHERE is_pivotal AND est_primary_completion_date BETWEEN current_date AND current_date + {DAYS}
        LIMIT {COUNT_LIMIT + 1}
    ) few ORDER BY est_primary_completion_date, trial_id LIMIT {SHOWN}
) t LEFT JOIN trial_current_scores s USING (trial_id)
ORDER BY t.est_primary_completion_date, t.trial_id
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Movement:
    """A trial with its probability of failure at the last visit and now."""

    nct_id: str
    indication: str | None
    before: Decimal
    now: Decimal


@dataclass(frozen=True, slots=True)
class Readout:
    """A pivotal trial that reads out soon, and the number of all of them."""

    nct_id: str
    indication: str | None
    day: date
    p_fail: Decimal | None
    total: int


def build_movements_tile(found: Rows, user: User) -> Tile:
    """Return the largest changes of probabilities since the user's last visit."""
    movements, compared = found["movements"], reverse("risk:compare")
    risen = sum(one.now > one.before for one in movements)
    lines = tuple(
        Line(
            one.nct_id,
            reverse("why:trial", args=[one.nct_id]),
            one.indication or "indication unknown",
            f"{'▲' if one.now > one.before else '▼'} {format_percent(one.before)} to {format_percent(one.now)}",
        )
        for one in movements[:SHOWN]
    )
    figures = (Figure(str(risen), "risen", compared), Figure(str(len(movements) - risen), "fallen", compared))
    scope = f"Since {get_last_visit(user):%Y-%m-%d %H:%M} UTC; top {SEARCHED} movers of the latest run each way"
    return Tile(figures, lines, "No probability has changed.", scope=scope)


def build_readouts_tile(found: Rows, user: User) -> Tile:
    """Return the pivotal trials that read out next."""
    readouts, today = found["readouts"], timezone.localdate()
    address = f"{reverse('risk:trials')}?within={DAYS}"
    lines = tuple(
        Line(
            one.nct_id,
            reverse("why:trial", args=[one.nct_id]),
            f"{one.indication or 'indication unknown'}, {format_date_distance(one.day, today)}",
            "not scored" if one.p_fail is None else format_percent(one.p_fail),
        )
        for one in readouts
    )
    count = Figure(
        format_capped_count(readouts[0].total if readouts else 0, COUNT_LIMIT), f"pivotal, within {DAYS} days", address
    )
    return Tile((count,), lines, f"No pivotal trial reads out within {DAYS} days.")


register(
    Source(
        "movements",
        "Since your last visit",
        (VIEW,),
        {"movements": Query(MOVEMENTS, Movement)},
        build_movements_tile,
        "risk:compare",
        parameters={"visit": get_last_visit},
        position=12,
    )
)
register(
    Source(
        "readouts",
        "Next readouts",
        (VIEW,),
        {"readouts": Query(READOUTS, Readout)},
        build_readouts_tile,
        "risk:trials",
        position=14,
    )
)
