"""Tile of gates that changed between the latest run and the one before."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.dashboard.tile import Figure, Line, Query, Rows, Source, Tile, register
from signals.dashboard.risk import LATEST, Run

VIEW = "signals.view_score"
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


def build(found: Rows, user: User) -> Tile:
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


SOURCE = register(
    Source(
        "gates",
        "Changed gates",
        (VIEW,),
        {"run": Query(LATEST, Run), "changes": Query(CHANGES, Change)},
        build,
        "risk:compare",
        position=30,
    )
)
