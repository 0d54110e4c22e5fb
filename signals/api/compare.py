"""API of the comparison of two runs."""

from datetime import date
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Schema
from pydantic import Field

from ncfd_site.api import keyset
from ncfd_site.api.operations import ListParams, Number, Word, declare_get, register_router
from ncfd_site.api.problems import BadRequest
from signals.api.trial_schemas import Phase
from signals.api.trials import BY_TRIAL, BY_TRIAL_DESCENDING, VIEW, serialize_trial
from signals.models import Score, TrialCurrentScore
from signals.trials import comparison
from signals.trials.run_record import read_metadata, with_readable_metadata, with_unread_metadata
from signals.trials.runs import list_latest_runs, run_exists

router = register_router("scores", 30)
ORDERS = {
    "risk": [keyset.Key("p_fail", descending=True), BY_TRIAL],
    "change": [keyset.Key("change", descending=True, nullable=True), BY_TRIAL],
    "-change": [keyset.Key("change", exclude_nulls=True), BY_TRIAL_DESCENDING],
}


class ComparedItem(Schema):
    """A trial in two runs."""

    nct_id: str
    sponsor: str | None
    company: str | None
    cik: int | None
    phase: str | None
    is_pivotal: bool
    status: str | None
    indication: str | None
    next_readout: date | None
    p_fail: Number = Field(description="In the later run.")
    p_fail_before: Number = Field(description="In the earlier run; null if not scored there.")
    change: Number
    gates_gained: list[str] | None = Field(description="Null if one of the runs recorded no gates.")
    gates_lost: list[str] | None = Field(description="Null if one of the runs recorded no gates.")
    causes: list[str] = Field(description="Recorded differences between the runs.")


class Comparison(Schema):
    """Two runs and a page of the trials of the later one."""

    a: str = Field(description="Earlier run.")
    b: str = Field(description="Later run.")
    items: list[ComparedItem]
    next: str | None = Field(description="URL of the next page; null on the last.")


class CompareParams(ListParams):
    """Runs, filters and order."""

    a: Word = Field("", description="Earlier run (default: the one before b).")
    b: Word = Field("", description="Later run (default: the latest).")
    phase: Phase = Field("", description="As the registry writes it; none: unknown.")
    gate: Literal["", "G1", "G2", "G3", "G4"] = Field("", description="Gate that fired in the later run.")
    sort: Literal["risk", "change", "-change"] = Field(
        "risk", description="By change only for the latest two runs. Prefix - for the reverse order."
    )


@declare_get(router, "/compare", VIEW, Comparison, "Compare runs")
def compare(request: HttpRequest, params: Query[CompareParams]) -> object:
    """Return the trials of the later run with their scores in the earlier one and the causes of the change."""
    runs = list_latest_runs()
    if params.b and not run_exists(params.b, runs):
        raise BadRequest(f"There is no run {params.b}.", "b")
    pair = comparison.choose_runs(params.model_dump(), runs)
    if pair is None:
        raise BadRequest("There are fewer than two runs to compare.", "a" if params.b or runs else "b")
    if not run_exists(pair.a, runs):
        raise BadRequest(f"There is no run {pair.a}.", "a")
    with_gate, scope = comparison.select_scores_with_gate(pair), f"{pair.a} {pair.b}"
    if pair.sort == "risk":
        scores = _filter_by_phase(with_unread_metadata(with_gate), pair.phase)
        page = keyset.page(request, scores, ORDERS["risk"], params.limit, params.cursor, scope)
        later = read_metadata(page.rows)
    elif pair.is_latest:
        current = TrialCurrentScore.objects.filter(run_id=pair.b, previous_run_id=pair.a)
        if pair.gate:
            current = current.filter(trial_id__in=with_gate.values("trial_id"))
        rows = _filter_by_phase(current, pair.phase)
        page = keyset.page(request, rows, ORDERS[pair.sort], params.limit, params.cursor, scope)
        found = Score.objects.select_related("trial__sponsor_company").filter(
            pk__in=[row.score_id for row in page.rows]
        )
        by_id = {score.pk: score for score in with_readable_metadata(found)}
        later = [by_id[row.score_id] for row in page.rows if row.score_id in by_id]
    else:
        raise BadRequest("Only the latest two runs can be sorted by change.", "sort")
    earlier = Score.objects.filter(run_id=pair.a, trial_id__in=[score.trial_id for score in later])
    before = {score.trial_id: score for score in with_readable_metadata(earlier)}
    items = [
        _serialize_compared_trial(comparison.compare_scores(score, before.get(score.trial_id), score.trial))
        for score in later
    ]
    return {"a": pair.a, "b": pair.b, "next": page.next, "items": items}


def _filter_by_phase(rows: Any, phase: str) -> Any:
    rows = rows.select_related("trial__sponsor_company")
    if phase == "none":
        return rows.filter(trial__phase__isnull=True)
    return rows.filter(trial__phase=phase) if phase else rows


def _serialize_compared_trial(row: comparison.Compared) -> dict[str, Any]:
    def list_gates(state: str) -> list[str] | None:
        return [gate.code for gate in row.gates if gate.state == state] if row.has_gates else None

    return {
        **serialize_trial(row.trial),
        "p_fail": row.later.p_fail,
        "p_fail_before": row.earlier.p_fail if row.earlier else None,
        "change": row.change,
        "gates_gained": list_gates("gained"),
        "gates_lost": list_gates("lost"),
        "causes": row.why,
    }
