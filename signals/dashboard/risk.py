"""Tiles of risk: trials by risk, and gates that changed between the latest run and the one before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.core.formatting import format_capped_count
from ncfd_site.dashboard.tile import COUNT_LIMIT, Figure, Line, Query, Rows, Source, Tile, register
from signals.models import IS_IN_COMPLETE_RUN

VIEW = "signals.view_score"
# Backtests are dated back, so the newest score is of the latest run.
LATEST = f"SELECT run_id, scored_at FROM scores WHERE {IS_IN_COMPLETE_RUN} ORDER BY scored_at DESC LIMIT 1"  # noqa: S608
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


def build_risk_tile(found: Rows, user: User) -> Tile:
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


register(
    Source(
        "risk",
        "Trials by risk",
        (VIEW,),
        {"run": Query(LATEST, Run), "counts": Query(COUNTS, Counts), "rises": Query(RISES, Rise)},
        build_risk_tile,
        "risk:trials",
        position=20,
    )
)


# A changed gate changes the probability, so only the trials that moved most are searched.
SEARCHED = 200
SHOWN = 5
_FIRED = (
    "ARRAY(SELECT jsonb_object_keys(CASE jsonb_typeof({0}.metadata -> 'gates') WHEN 'object'"
    " THEN {0}.metadata -> 'gates' ELSE '{{}}' END) ORDER BY 1)"
)
CHANGES = f"""
SELECT t.nct_id, t.indication, found.change, found.run_id, found.previous_run_id, found.now, found.before
FROM (
    SELECT m.*, {_FIRED.format("n")} AS now, {_FIRED.format("o")} AS before
    FROM (
        (SELECT trial_id, run_id, previous_run_id, change FROM trial_current_scores
         WHERE change > 0 ORDER BY change DESC NULLS LAST, trial_id LIMIT {SEARCHED})
        UNION ALL
        (SELECT trial_id, run_id, previous_run_id, change FROM trial_current_scores
         WHERE change < 0 ORDER BY change ASC NULLS FIRST, trial_id DESC LIMIT {SEARCHED})
    ) m
    JOIN scores n ON n.trial_id = m.trial_id AND n.run_id = m.run_id
    JOIN scores o ON o.trial_id = m.trial_id AND o.run_id = m.previous_run_id
    WHERE m.run_id = (SELECT run_id FROM ({LATEST}) latest)
        AND jsonb_typeof(n.metadata -> 'gates') = 'object' AND jsonb_typeof(o.metadata -> 'gates') = 'object'
) found JOIN trials t USING (trial_id)
WHERE found.now <> found.before ORDER BY abs(found.change) DESC, trial_id
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Change:
    """A trial whose fired gates differ between its latest run and the one before."""

    nct_id: str
    indication: str | None
    change: Decimal
    run_id: str
    previous_run_id: str
    now: list[str]
    before: list[str]

    @property
    def triggered(self) -> list[str]:
        """Gates that fire now and did not before."""
        return sorted(set(self.now) - set(self.before))

    @property
    def cleared(self) -> list[str]:
        """Gates that no longer fire."""
        return sorted(set(self.before) - set(self.now))

    @property
    def label(self) -> str:
        """The change for display: "G1 triggered, G4 cleared"."""
        parts = ((self.triggered, "triggered"), (self.cleared, "cleared"))
        return ", ".join(f"{' and '.join(gates)} {state}" for gates, state in parts if gates)


def build_gates_tile(found: Rows, user: User) -> Tile:
    """Return the numbers of trials with changed gates, and the first trials."""
    changes: Sequence[Change] = found["changes"]
    run = found["run"][0] if found["run"] else None
    compared = reverse("risk:compare")
    figures = (
        Figure(str(sum(bool(change.triggered) for change in changes)), "gates triggered", compared),
        Figure(str(sum(bool(change.cleared) for change in changes)), "gates cleared", compared),
    )
    lines = tuple(
        Line(
            change.nct_id,
            reverse("why:trial", args=[change.nct_id]),
            change.label,
            f"{'▲' if change.change > 0 else '▼'} {abs(100 * change.change):.1f} points",
        )
        for change in changes[:SHOWN]
    )
    nothing = "No gates changed since the previous run." if run else "No trials scored yet."
    of_what = f"run {run.run_id}, top {SEARCHED} movers each way" if run else ""
    return Tile(figures, lines, nothing, run.scored_at if run else None, of_what)


register(
    Source(
        "gates",
        "Changed gates",
        (VIEW,),
        {"run": Query(LATEST, Run), "changes": Query(CHANGES, Change)},
        build_gates_tile,
        "risk:compare",
        position=30,
    )
)
