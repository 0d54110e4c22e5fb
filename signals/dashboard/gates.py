"""Gates that fire in the latest run and did not in the run before, or the other way."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.dashboard.tile import Figure, Found, Line, Part, Source, Tile, register
from signals.dashboard.risk import LATEST, Run

VIEW = "signals.view_score"
# A gate that changes moves the probability. So it is looked for among those that moved most, up and down.
LOOKED_AT = 200
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
         WHERE change > 0 ORDER BY change DESC NULLS LAST, trial_id LIMIT {LOOKED_AT})
        UNION ALL
        (SELECT trial_id, run_id, previous_run_id, change FROM trial_current_scores
         WHERE change < 0 ORDER BY change ASC NULLS FIRST, trial_id DESC LIMIT {LOOKED_AT})
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
    """A trial of which other gates fire in its latest run than in the run before."""

    nct_id: str
    indication: str | None
    change: Decimal
    run_id: str
    previous_run_id: str
    now: list[str]
    before: list[str]

    @property
    def fired(self) -> list[str]:
        """The gates that fire now."""
        return sorted(set(self.now) - set(self.before))

    @property
    def ended(self) -> list[str]:
        """The gates that fire no longer."""
        return sorted(set(self.before) - set(self.now))

    @property
    def words(self) -> str:
        """What changed, in words."""
        parts = [_words(self.fired, "now"), _words(self.ended, "no longer")]
        return ", ".join(filter(None, parts))


def build(found: Found, user: User) -> Tile:
    """Say how many trials have a gate that changed, and name the first."""
    changes: Sequence[Change] = found["changes"]
    run = found["run"][0] if found["run"] else None
    compared = reverse("risk:compare")
    figures = (
        Figure(str(sum(bool(change.fired) for change in changes)), "trials where a gate fires now", compared),
        Figure(str(sum(bool(change.ended) for change in changes)), "trials where one fires no longer", compared),
    )
    lines = tuple(
        Line(
            change.nct_id,
            reverse("why:trial", args=[change.nct_id]),
            change.words,
            f"{'▲' if change.change > 0 else '▼'} {abs(100 * change.change):.1f} points",
        )
        for change in changes[:SHOWN]
    )
    nothing = "No gate changed since the run before." if run else "No trial is scored yet, so no gate can have changed."
    of_what = (
        f"run {run.run_id}, the {LOOKED_AT} trials that rose most and the {LOOKED_AT} that fell most" if run else ""
    )
    return Tile(figures, lines, nothing, run.scored_at if run else None, of_what)


def _words(gates: Sequence[str], how: str) -> str:
    if not gates:
        return ""
    return f"{' and '.join(gates)} fire{'s' if len(gates) == 1 else ''} {how}"


SOURCE = register(
    Source(
        "gates",
        "Gates that changed",
        (VIEW,),
        {"run": Part(LATEST, Run), "changes": Part(CHANGES, Change)},
        build,
        "risk:compare",
        position=30,
    )
)
