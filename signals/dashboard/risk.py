"""Tile of trials by risk, with the largest increases since the previous run."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.core.formatting import format_capped_count
from ncfd_site.dashboard.tile import COUNT_LIMIT, Figure, Line, Query, Rows, Source, Tile, register

VIEW = "signals.view_score"
# Backtests are dated back, so the newest score is of the latest run.
LATEST = "SELECT run_id, scored_at FROM scores ORDER BY scored_at DESC LIMIT 1"
_BOUNDED = f"(SELECT count(*) FROM (SELECT FROM trial_current_scores WHERE {{}} LIMIT {COUNT_LIMIT + 1}) few)"  # noqa: S608
COUNTS = f"""
SELECT {_BOUNDED.format("p_fail >= 0.97")} AS at_97, {_BOUNDED.format("p_fail >= 0.75 AND p_fail < 0.97")} AS at_75
"""
# Trials that the latest run did not score keep older changes: the first 200 are searched for the others.
RISES = f"""
SELECT t.nct_id, t.indication, s.p_fail, s.change
FROM (
    SELECT * FROM trial_current_scores WHERE change > 0 ORDER BY change DESC NULLS LAST, trial_id LIMIT 200
) s JOIN trials t USING (trial_id)
WHERE s.run_id = (SELECT run_id FROM ({LATEST}) latest)
ORDER BY s.change DESC, s.trial_id LIMIT 5
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Run:
    """A scoring run."""

    run_id: str
    scored_at: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of trials in the two highest bands."""

    at_97: int
    at_75: int


@dataclass(frozen=True, slots=True)
class Rise:
    """A trial with an increased probability of failure."""

    nct_id: str
    indication: str | None
    p_fail: Decimal
    change: Decimal


def build(found: Rows, user: User) -> Tile:
    """Return the numbers of trials in the highest bands and the largest increases."""
    trials = reverse("risk:trials")
    (counts,) = found["counts"]
    figures = (
        Figure(format_capped_count(counts.at_97, COUNT_LIMIT), "trials ≥ 97 %", f"{trials}?band=97"),
        Figure(format_capped_count(counts.at_75, COUNT_LIMIT), "trials 75-97 %", f"{trials}?band=75"),
    )
    lines = tuple(
        Line(
            rise.nct_id,
            reverse("why:trial", args=[rise.nct_id]),
            rise.indication or "indication unknown",
            f"▲ {100 * rise.change:.1f} points to {100 * rise.p_fail:.1f} %",
        )
        for rise in found["rises"]
    )
    run = found["run"][0] if found["run"] else None
    nothing = (
        "No increases since the previous run."
        if run
        else "No trials scored yet. manage.py score_trials --run-id RUN scores them."
    )
    return Tile(figures, lines, nothing, run.scored_at if run else None, f"run {run.run_id}" if run else "")


SOURCE = register(
    Source(
        "risk",
        "Trials by risk",
        (VIEW,),
        {"run": Query(LATEST, Run), "counts": Query(COUNTS, Counts), "rises": Query(RISES, Rise)},
        build,
        "risk:trials",
        position=20,
    )
)
