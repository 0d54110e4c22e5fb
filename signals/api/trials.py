"""API of trials: the list with the filters of the page, and one trial."""

from typing import Any

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Query

from ncfd_site.api import keyset
from ncfd_site.api.operations import declare_get, pick, register_router
from ncfd_site.api.problems import BadRequest
from ncfd_site.core.permissions import current_user
from signals.api.trial_schemas import TrialDetail, Trials, TrialsParams
from signals.explanation.trial_facts import TrialFacts, list_exposed_companies, list_promoted_assets, load_trial_facts
from signals.models import Gate, Signal, SignalEvaluation, TrialCurrentScore
from signals.queries import list_gates, list_signals
from signals.trials.forms import TrialFilterForm
from signals.trials.queries import TrialRow, build_trial_rows
from signals.trials.run_record import read_metadata, with_unread_metadata
from signals.trials.runs import list_latest_runs
from signals.trials.selection import select_scores

router = register_router("trials", 10)
VIEW, VIEW_SIGNALS, VIEW_GATES = "signals.view_score", "signals.view_signal", "signals.view_gate"
VIEW_COMPANIES, VIEW_ASSETS = "securities.view_company", "linkaudit.view_trialassetlink"
BY_TRIAL, BY_TRIAL_DESCENDING = keyset.Key("trial_id"), keyset.Key("trial_id", descending=True)
READOUT, NUMBER = "trial__est_primary_completion_date", "trial__nct_id"
# As on the pages and in the indexes: NULLs are last, and omitted in the reverse order.
ORDERS: dict[str, list[keyset.Key]] = {
    "risk": [keyset.Key("p_fail", descending=True, nullable=True), BY_TRIAL],
    "-risk": [keyset.Key("p_fail", exclude_nulls=True), BY_TRIAL_DESCENDING],
    "change": [keyset.Key("change", descending=True, nullable=True), BY_TRIAL],
    "-change": [keyset.Key("change", exclude_nulls=True), BY_TRIAL_DESCENDING],
    "readout": [keyset.Key(READOUT, nullable=True), BY_TRIAL],
    "-readout": [keyset.Key(READOUT, descending=True, exclude_nulls=True), BY_TRIAL_DESCENDING],
    "number": [keyset.Key(NUMBER)],
    "-number": [keyset.Key(NUMBER, descending=True)],
}
# `scores.p_fail` is NOT NULL, and its index has no NULLS clause.
RUN_ORDERS = ORDERS | {
    "risk": [keyset.Key("p_fail", descending=True), BY_TRIAL],
    "-risk": [keyset.Key("p_fail"), BY_TRIAL_DESCENDING],
}


@declare_get(router, "/trials", VIEW, Trials, "Trials by risk")
def trials(request: HttpRequest, params: Query[TrialsParams]) -> object:
    """Return trials with their current scores, or with their scores in one run."""
    runs = list_latest_runs() if params.run else []
    days = {name: day.isoformat() for name, day in (("from", params.from_), ("to", params.to)) if day}
    given = pick(params, "q phase status gate signal ticker sponsor band within pivotal run sort")
    data = {**{name: value for name, value in given.items() if value is not None}, **days}
    form = TrialFilterForm(data, runs=runs)
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        raise BadRequest(str(errors[0]), name)
    selection = form.get_selection()
    rows = select_scores(selection, timezone.now().date()).select_related("trial__sponsor_company")
    orders = RUN_ORDERS if selection.run else ORDERS
    if selection.run:
        rows = with_unread_metadata(rows)
    page = keyset.page(request, rows, orders[selection.sort], params.limit, params.cursor)
    found = read_metadata(page.rows) if selection.run else page.rows
    trials = {row.trial_id: row.trial for row in found}
    return {"items": [_serialize_trial_row(row) for row in build_trial_rows(found, trials, runs)], "next": page.next}


@declare_get(router, "/trials/{nct_id}", VIEW, TrialDetail, "Trial")
def trial(request: HttpRequest, nct_id: str) -> object:
    """Return a trial with its current score, signals, gates, evaluations and exposed companies."""
    facts = find_trial(nct_id)
    current = TrialCurrentScore.objects.select_related("trial__sponsor_company").get(trial_id=facts.trial_id)
    (row,) = build_trial_rows([current], {facts.trial_id: current.trial}, [])
    return {
        **_serialize_trial_row(row),
        "title": facts.title,
        "primary_endpoint": facts.primary_endpoint_text,
        "last_update_posted": facts.last_update_posted_date,
        "last_seen_at": facts.last_seen_at,
        **_load_permitted_sections(current_user(request), facts),
    }


def find_trial(nct_id: str) -> TrialFacts:
    """Return a trial, or raise Http404."""
    facts = load_trial_facts(nct_id)
    if facts is None:
        raise Http404(f"There is no trial {nct_id}.")
    return facts


def _serialize_trial_row(row: TrialRow) -> dict[str, Any]:
    return {
        **serialize_trial(row.trial),
        **pick(row.score, "run_id scored_at p_fail"),
        **pick(row, "change previous_run_id"),
        "tickers": [one.ticker for one in row.tickers],
        "gates": [gate.code for gate in row.marks.gates],
        "signals": [{"code": signal.code, "severity": signal.severity or None} for signal in row.marks.signals],
    }


def serialize_trial(trial: Any) -> dict[str, Any]:
    """Return the fields of an item that come from the trial itself."""
    company = trial.sponsor_company
    return {
        "nct_id": trial.nct_id,
        "sponsor": trial.sponsor_text,
        "company": company.name if company else None,
        "cik": company.cik if company else None,
        "phase": trial.phase,
        "is_pivotal": trial.is_pivotal,
        "status": trial.status,
        "indication": trial.indication,
        "next_readout": trial.est_primary_completion_date,
    }


def _load_permitted_sections(user: User, facts: TrialFacts) -> dict[str, Any]:
    """Return the parts of a trial that need permissions of their own; None without them."""
    trial, sponsor = facts.trial_id, facts.sponsor_company_id
    can_view_signals = user.has_perm(VIEW_SIGNALS)
    evaluations = SignalEvaluation.objects.filter(trial_id=trial).order_by("s_id", "-evaluated_at").distinct("s_id")
    return {
        "signal_rows": [_serialize_signal(one) for one in list_signals([trial])] if can_view_signals else None,
        "evaluations": [
            {"code": one.s_id, **pick(one, "outcome reason evidence evaluated_at evaluated_by")} for one in evaluations
        ]
        if can_view_signals
        else None,
        "gate_rows": [_serialize_gate(one) for one in list_gates([trial])] if user.has_perm(VIEW_GATES) else None,
        "companies": (list_exposed_companies(sponsor) if sponsor else []) if user.has_perm(VIEW_COMPANIES) else None,
        "assets": [
            {"asset_id": link.asset_id, "name": link.asset.name, "confidence": link.confidence}
            for link in list_promoted_assets(trial, user)
        ]
        if user.has_perm(VIEW_ASSETS)
        else None,
    }


def _serialize_signal(signal: Signal) -> dict[str, Any]:
    return {
        "code": signal.s_id,
        "severity": signal.severity,
        "value": signal.value,
        "evidence": signal.evidence_span,
        "study_id": signal.source_study_id,
        "fired_at": signal.fired_at,
    }


def _serialize_gate(gate: Gate) -> dict[str, Any]:
    return {
        "code": gate.g_id,
        "fired": gate.fired_bool,
        "supporting_signals": gate.supporting_s_ids or [],
        "likelihood_ratio": gate.lr_used,
        "rationale": gate.rationale_text,
        "evaluated_at": gate.evaluated_at,
    }
