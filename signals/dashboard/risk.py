"""Which trials are about to fail by the latest run, and which rose most since the run before."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.core.formatting import format_capped_count
from ncfd_site.dashboard.tile import MOST_COUNTED, Figure, Found, Line, Part, Source, Tile, register

VIEW = "signals.view_score"
# A backtest is dated back, so the newest score belongs to the latest run.
LATEST = "SELECT run_id, scored_at FROM scores ORDER BY scored_at DESC LIMIT 1"
_BOUNDED = f"(SELECT count(*) FROM (SELECT FROM trial_current_scores WHERE {{}} LIMIT {MOST_COUNTED + 1}) few)"  # noqa: S608
COUNTS = f"""
SELECT {_BOUNDED.format("p_fail >= 0.97")} AS at_97, {_BOUNDED.format("p_fail >= 0.75 AND p_fail < 0.97")} AS at_75
"""
# Those that the latest run did not score stay what they were: among the first 200 the others are looked for.
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
    """A run of scoring, and when it scored."""

    run_id: str
    scored_at: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """How many trials stand how high."""

    at_97: int
    at_75: int


@dataclass(frozen=True, slots=True)
class Rise:
    """A trial whose probability of failure rose."""

    nct_id: str
    indication: str | None
    p_fail: Decimal
    change: Decimal


def build(found: Found, user: User) -> Tile:
    """Say how many stand in the upper bands, and name the biggest rises."""
    trials = reverse("risk:trials")
    (counts,) = found["counts"]
    figures = (
        Figure(format_capped_count(counts.at_97, MOST_COUNTED), "trials at 97 % and more", f"{trials}?band=97"),
        Figure(format_capped_count(counts.at_75, MOST_COUNTED), "trials from 75 to 97 %", f"{trials}?band=75"),
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
        "No trial rose since the run before it was scored in."
        if run
        else "No trial is scored yet: manage.py score_trials --run-id NAME scores them."
    )
    return Tile(figures, lines, nothing, run.scored_at if run else None, f"run {run.run_id}" if run else "")


SOURCE = register(
    Source(
        "risk",
        "Trials by risk",
        (VIEW,),
        {"run": Part(LATEST, Run), "counts": Part(COUNTS, Counts), "rises": Part(RISES, Rise)},
        build,
        "risk:trials",
        position=20,
    )
)
