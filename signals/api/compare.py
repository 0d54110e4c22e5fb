"""Two runs side by side."""

from datetime import date
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Schema
from pydantic import Field

from ncfd_site.api import keyset
from ncfd_site.api.operations import ListParams, Number, Word, declare_get, register_router
from ncfd_site.api.problems import BadRequest
from signals.api.trial_rows import trial_fields
from signals.api.trial_shapes import Phase
from signals.api.trials import BY_TRIAL, BY_TRIAL_BACK, VIEW
from signals.models import Score, TrialCurrentScore
from signals.queries import read_recorded_ratios
from signals.trials.explaining import explanations
from signals.trials.metadata import read_metadata, with_readable_metadata, with_unread_metadata
from signals.trials.runs import is_known, latest_runs, run_before

router = register_router("scores", 30)
ORDERS = {
    "risk": [keyset.Key("p_fail", descending=True), BY_TRIAL],
    "change": [keyset.Key("change", descending=True, nullable=True), BY_TRIAL],
    "-change": [keyset.Key("change", left_out=True), BY_TRIAL_BACK],
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
    p_fail_before: Number = Field(description="In the earlier run; null where it did not score the trial.")
    change: Number
    gates_gained: list[str] | None = Field(description="Null where one of the runs wrote no gates down.")
    gates_lost: list[str] | None
    why: list[str] = Field(description="What differs, as far as the runs wrote it down.")


class Compared(Schema):
    """Two runs, and some of the trials of the later one."""

    a: str = Field(description="The earlier run.")
    b: str = Field(description="The later run.")
    items: list[ComparedItem]
    next: str | None = Field(description="Address of what follows; null where nothing does.")


class CompareAsked(ListParams):
    """Which runs."""

    a: Word = Field("", description="The earlier run; the one before b where it is left out.")
    b: Word = Field("", description="The later run; the latest where it is left out.")
    phase: Phase = Field("", description="As the registry writes it; none: unknown.")
    gate: Literal["", "G1", "G2", "G3", "G4"] = Field("", description="That gate fired in the later run.")
    sort: Literal["risk", "change", "-change"] = Field(
        "risk", description="By change only for the latest run and the one before it."
    )


@declare_get(router, "/compare", VIEW, Compared, "Two runs side by side")
def compare(request: HttpRequest, asked: Query[CompareAsked]) -> object:
    """Each trial of the later run beside its score in the earlier one, and what the runs say of why it moved."""
    runs = latest_runs()
    b = asked.b or (runs[0].run_id if runs else "")
    earlier = run_before(b, runs) if b else None
    a = asked.a or (earlier.run_id if earlier else "")
    for name, run in (("b", b), ("a", a)):
        if not run:
            raise BadRequest("There are no two runs to compare yet.", name)
        if not is_known(run, runs):
            raise BadRequest(f"There is no run {run}.", name)
    if asked.sort == "risk":
        later = with_unread_metadata(Score.objects.filter(run_id=b))
        if asked.gate:
            later = later.filter(metadata__contains={"gates": {asked.gate: {}}})
        page = keyset.page(request, _of(later, asked.phase), ORDERS["risk"], asked.limit, asked.cursor, f"{a} {b}")
        return {"a": a, "b": b, "next": page.next, "items": _items(a, read_metadata(page.rows))}
    if [run.run_id for run in runs[:2]] != [b, a]:
        raise BadRequest("By change there are only the latest run and the one before it.", "sort")
    standings = TrialCurrentScore.objects.filter(run_id=b, previous_run_id=a)
    if asked.gate:
        fired = Score.objects.filter(run_id=b, metadata__contains={"gates": {asked.gate: {}}})
        standings = standings.filter(trial_id__in=fired.values("trial_id"))
    keys = ORDERS[asked.sort]
    page = keyset.page(request, _of(standings, asked.phase), keys, asked.limit, asked.cursor, f"{a} {b}")
    scores = Score.objects.select_related("trial__sponsor_company").filter(pk__in=[row.score_id for row in page.rows])
    found = {score.pk: score for score in with_readable_metadata(scores)}
    rows = [found[row.score_id] for row in page.rows if row.score_id in found]
    return {"a": a, "b": b, "next": page.next, "items": _items(a, rows)}


def _of(rows: Any, phase: str) -> Any:
    rows = rows.select_related("trial__sponsor_company")
    if phase == "none":
        return rows.filter(trial__phase__isnull=True)
    return rows.filter(trial__phase=phase) if phase else rows


def _items(a: str, later: list[Score]) -> list[dict[str, Any]]:
    earlier = Score.objects.filter(run_id=a, trial_id__in=[score.trial_id for score in later])
    before = {score.trial_id: score for score in with_readable_metadata(earlier)}
    return [_item(before.get(score.trial_id), score) for score in later]


def _item(earlier: Score | None, later: Score) -> dict[str, Any]:
    now = read_recorded_ratios(later.metadata)
    then = read_recorded_ratios(earlier.metadata) if earlier else now
    are_told = now is not None and then is not None
    return {
        **trial_fields(later.trial),
        "p_fail": later.p_fail,
        "p_fail_before": earlier.p_fail if earlier else None,
        "change": later.p_fail - earlier.p_fail if earlier else None,
        "gates_gained": sorted({*(now or ())} - {*(then or ())}) if are_told else None,
        "gates_lost": sorted({*(then or ())} - {*(now or ())}) if are_told else None,
        "why": explanations(earlier, later) if earlier else [],
    }
