"""Trials by risk, with the filters and orders of their page, and one trial with what speaks for its failure."""

from typing import Any

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Query

from linkaudit.models import TrialAssetLink
from ncfd_site.api import keyset
from ncfd_site.api.operations import declare_get, register_router
from ncfd_site.api.problems import BadRequest
from ncfd_site.core.permissions import current_user
from signals.api.trial_rows import drawn
from signals.api.trial_shapes import TrialDetail, Trials, TrialsAsked
from signals.explanation.trial_facts import (
    TrialFacts,
    exposed_companies,
    promoted_assets,
    trial_facts,
)
from signals.models import Gate, Signal, SignalEvaluation, TrialCurrentScore
from signals.queries import list_gates, list_signals
from signals.trials.forms import TrialFilterForm
from signals.trials.metadata import with_unread_metadata
from signals.trials.runs import latest_runs
from signals.trials.selection import selected

router = register_router("trials", 10)
VIEW, VIEW_SIGNALS, VIEW_GATES = "signals.view_score", "signals.view_signal", "signals.view_gate"
VIEW_COMPANIES, VIEW_ASSETS = "securities.view_company", "linkaudit.view_trialassetlink"
BY_TRIAL, BY_TRIAL_BACK = keyset.Key("trial_id"), keyset.Key("trial_id", descending=True)
READOUT, NUMBER = "trial__est_primary_completion_date", "trial__nct_id"
# As the pages have them, and as the indexes: what has no value comes last, and is left out where it would come first.
ORDERS: dict[str, list[keyset.Key]] = {
    "risk": [keyset.Key("p_fail", descending=True, nullable=True), BY_TRIAL],
    "-risk": [keyset.Key("p_fail", left_out=True), BY_TRIAL_BACK],
    "change": [keyset.Key("change", descending=True, nullable=True), BY_TRIAL],
    "-change": [keyset.Key("change", left_out=True), BY_TRIAL_BACK],
    "readout": [keyset.Key(READOUT, nullable=True), BY_TRIAL],
    "-readout": [keyset.Key(READOUT, descending=True, left_out=True), BY_TRIAL_BACK],
    "number": [keyset.Key(NUMBER)],
    "-number": [keyset.Key(NUMBER, descending=True)],
}
# A score has always a probability, and its index says nothing of what has none.
ORDERS_OF_RUN = ORDERS | {
    "risk": [keyset.Key("p_fail", descending=True), BY_TRIAL],
    "-risk": [keyset.Key("p_fail"), BY_TRIAL_BACK],
}


@declare_get(router, "/trials", VIEW, Trials, "Trials by risk")
def trials(request: HttpRequest, asked: Query[TrialsAsked]) -> object:
    """Each trial with its latest score, or with that of one run."""
    runs = latest_runs() if asked.run else []
    form = TrialFilterForm(_as_form(asked), runs=runs)
    if not form.is_valid():
        where, errors = next(iter(form.errors.items()))
        raise BadRequest(str(errors[0]), where)
    selection = form.get_selection()
    rows = selected(selection, timezone.now().date()).select_related("trial__sponsor_company")
    orders = ORDERS_OF_RUN if selection.run else ORDERS
    if selection.run:
        rows = with_unread_metadata(rows)
    page = keyset.page(request, rows, orders[selection.sort], asked.limit, asked.cursor)
    return {"items": drawn(page.rows, runs), "next": page.next}


@declare_get(router, "/trials/{nct_id}", VIEW, TrialDetail, "One trial")
def trial(request: HttpRequest, nct_id: str) -> object:
    """A trial with its latest score, signals, gates, evaluations and the companies that its failure would touch."""
    facts = find_trial(nct_id)
    standing = TrialCurrentScore.objects.select_related("trial__sponsor_company").get(trial_id=facts.trial_id)
    return {
        **drawn([standing], [])[0],
        "title": facts.title,
        "primary_endpoint": facts.primary_endpoint_text,
        "last_update_posted": facts.last_update_posted_date,
        "last_seen_at": facts.last_seen_at,
        **_surroundings(current_user(request), facts),
    }


def _surroundings(asks: User, facts: TrialFacts) -> dict[str, Any]:
    """What lies around a trial: each part is None for a person from whom its page keeps it too."""
    trial, sponsor = facts.trial_id, facts.sponsor_company_id
    may_see_signals = asks.has_perm(VIEW_SIGNALS)
    return {
        "signal_rows": [_signal(one) for one in list_signals([trial])] if may_see_signals else None,
        "evaluations": _evaluations(trial) if may_see_signals else None,
        "gate_rows": [_gate(one) for one in list_gates([trial])] if asks.has_perm(VIEW_GATES) else None,
        "companies": (exposed_companies(sponsor) if sponsor else []) if asks.has_perm(VIEW_COMPANIES) else None,
        "assets": [_asset(one) for one in promoted_assets(trial)] if asks.has_perm(VIEW_ASSETS) else None,
    }


def _signal(signal: Signal) -> dict[str, Any]:
    return {
        "code": signal.s_id,
        "severity": signal.severity,
        "value": signal.value,
        "evidence": signal.evidence_span,
        "study_id": signal.source_study_id,
        "fired_at": signal.fired_at,
    }


def _gate(gate: Gate) -> dict[str, Any]:
    return {
        "code": gate.g_id,
        "fired": gate.fired_bool,
        "supporting_signals": gate.supporting_s_ids or [],
        "likelihood_ratio": gate.lr_used,
        "rationale": gate.rationale_text,
        "evaluated_at": gate.evaluated_at,
    }


def _evaluations(trial_id: int) -> list[dict[str, Any]]:
    found = SignalEvaluation.objects.filter(trial_id=trial_id)
    plain = "outcome reason evidence evaluated_at evaluated_by"
    return [
        {"code": one.s_id, **{name: getattr(one, name) for name in plain.split()}}
        for one in found.order_by("s_id", "-evaluated_at").distinct("s_id")
    ]


def _asset(link: TrialAssetLink) -> dict[str, Any]:
    return {"asset_id": link.asset_id, "name": link.asset.name, "confidence": link.confidence}


def find_trial(nct_id: str) -> TrialFacts:
    """Return a trial by its number. Raises Http404 with a sentence."""
    facts = trial_facts(nct_id)
    if facts is None:
        raise Http404(f"There is no trial {nct_id}.")
    return facts


def _as_form(asked: TrialsAsked) -> dict[str, Any]:
    names = ("q", "phase", "status", "gate", "signal", "ticker", "sponsor", "band", "within", "pivotal", "run", "sort")
    days = {"from": asked.from_, "to": asked.to}
    return {
        **{name: getattr(asked, name) for name in names},
        **{name: day.isoformat() for name, day in days.items() if day},
    }
