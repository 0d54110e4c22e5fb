"""API of runs, the scores of a trial, and score breakdowns."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Query, Schema
from pydantic import Field

from ncfd_site.api import keyset
from ncfd_site.api.operations import ListParams, Number, Page, Word, declare_get, register_router
from ncfd_site.core.permissions import current_user
from signals.api.trials import VIEW, VIEW_GATES, VIEW_SIGNALS, find_trial
from signals.explanation.findings import SignalFinding, list_current_gates, list_gate_findings, list_signal_findings
from signals.explanation.trial_facts import load_score
from signals.explanation.waterfall import compute_waterfall
from signals.models import Score
from signals.queries import compute_breakdown, is_raised_by_stop_rule
from signals.trials.run_record import read_run_record
from signals.trials.runs import list_latest_runs

router = register_router("scores", 20)


class RunItem(Schema):
    """A scoring run."""

    run_id: str
    scored_at: datetime


class Runs(Schema):
    """The latest runs."""

    items: list[RunItem]


class ScoreItem(Schema):
    """A score of a trial."""

    score_id: int
    run_id: str
    scored_at: datetime
    features_frozen_at: datetime | None
    prior_pi: Number = Field(description="Probability of failure before any signal.")
    logit_prior: Number = Field(description="Prior log-odds.")
    sum_log_lr: Number = Field(description="Sum of the log-odds that the gates add.")
    logit_post: Number = Field(description="Posterior log-odds.")
    p_fail: Number = Field(description="Probability of failure.")


class Scores(Page):
    """A page of scores."""

    items: list[ScoreItem]


class ScoresParams(ListParams):
    """Filter of scores."""

    run: Word = Field("", description="Filter by run.")


class ContributionItem(Schema):
    """The log-odds that one gate adds."""

    gate: str
    likelihood_ratio: Number = Field(description="As recorded.")
    log_odds: Number = Field(description="Logarithm of the ratio, which is limited to 0.25 and 10.")


class StepItem(Schema):
    """A step of the waterfall, in log-odds."""

    kind: str
    name: str
    before: Number
    after: Number
    probability: Number
    source: str


class StopRuleItem(Schema):
    """A stop rule that holds."""

    rule: str
    description: str
    p_fail_at_least: Number = Field(description="Floor of the probability of failure.")


class SignalState(Schema):
    """A signal as the run used it."""

    code: str
    state: str = Field(description="fired, late (after the feature freeze), not fired or not evaluated.")
    severity: str | None
    reason: str
    quote: str | None
    study_id: int | None
    doc_id: int | None


class GateState(Schema):
    """A gate as the run evaluated it."""

    code: str
    fired: bool
    rule: str
    rationale: str | None


class BreakdownDetail(Schema):
    """The computation of a score."""

    nct_id: str
    score: ScoreItem
    is_latest: bool
    table_version: str | None
    recorded: bool = Field(description="The run recorded its gates; otherwise the current gates are used.")
    adds_up: bool = Field(description="The steps sum to the stored numbers.")
    mismatches: list[str] = Field(description="Differences between the steps and the stored numbers.")
    raised_by_stop_rule: bool
    contributions: list[ContributionItem]
    steps: list[StepItem]
    stop_rules: list[StopRuleItem]
    signals: list[SignalState] | None = Field(description="Null without permission to view signals.")
    gates: list[GateState] | None = Field(description="Null without permission to view gates.")
    metadata: Any = Field(description="Metadata of the score, unchanged.")


class BreakdownParams(Schema):
    """Run of the score."""

    run: Word = Field("", description="Run (default: the latest).")


@declare_get(router, "/runs", VIEW, Runs, "Latest runs")
def runs(request: HttpRequest) -> object:
    """Return the latest 50 runs, newest first. Older runs can be requested by name."""
    return {"items": list_latest_runs()}


@declare_get(router, "/trials/{nct_id}/scores", VIEW, Scores, "Scores of a trial")
def scores(request: HttpRequest, nct_id: str, params: Query[ScoresParams]) -> object:
    """Return the scores of a trial, newest first."""
    rows = Score.objects.filter(trial_id=find_trial(nct_id).trial_id).defer("metadata")
    if params.run:
        rows = rows.filter(run_id=params.run)
    keys = [keyset.Key("scored_at", descending=True), keyset.Key("pk", descending=True)]
    page = keyset.page(request, rows, keys, params.limit, params.cursor)
    return {"items": page.rows, "next": page.next}


@declare_get(router, "/trials/{nct_id}/breakdown", VIEW, BreakdownDetail, "Score breakdown")
def breakdown(request: HttpRequest, nct_id: str, params: Query[BreakdownParams]) -> object:
    """Return prior, contribution of each gate, stop rules and posterior, with the state of each signal in the run."""
    facts, user = find_trial(nct_id), current_user(request)
    found = load_score(facts.trial_id, params.run)
    if found is None:
        raise Http404(f"{facts.nct_id} is not scored in {f'run {params.run}' if params.run else 'any run'}.")
    score = found.score
    record = read_run_record(score.metadata)
    gates = list_current_gates(facts.trial_id)
    parts = compute_breakdown(score, gates)
    steps = compute_waterfall(score, parts, record)
    signals = gate_states = None
    if user.has_perm(VIEW_SIGNALS):
        states = list_signal_findings(facts.trial_id, record, is_latest=found.is_latest, scored_at=score.scored_at)
        signals = [_serialize_signal_state(one) for one in states]
    if user.has_perm(VIEW_GATES):
        gate_states = [
            {"code": one.code, "fired": one.fired, "rule": one.rule, "rationale": one.rationale or None}
            for one in list_gate_findings(score, parts, record, gates)
        ]
    return {
        "nct_id": facts.nct_id,
        "score": score,
        "is_latest": found.is_latest,
        "table_version": record.table_version or None,
        "recorded": parts.recorded,
        "adds_up": steps.adds_up,
        "mismatches": list(steps.deviations),
        "raised_by_stop_rule": is_raised_by_stop_rule(score),
        "contributions": [
            {"gate": one.code, "likelihood_ratio": one.likelihood_ratio, "log_odds": round(one.log_ratio, 6)}
            for one in parts.contributions
        ],
        "steps": list(steps.steps),
        "stop_rules": [
            {"rule": rule.name, "description": rule.description, "p_fail_at_least": rule.at_least}
            for rule in record.stop_rules
        ],
        "signals": signals,
        "gates": gate_states,
        "metadata": score.metadata,
    }


def _serialize_signal_state(finding: SignalFinding) -> dict[str, Any]:
    row = finding.row
    return {
        "code": finding.code,
        "state": finding.state,
        "severity": row.severity,
        "reason": finding.why,
        "quote": row.quote if finding.has_evidence else None,
        "study_id": row.study_id if finding.has_evidence else None,
        "doc_id": row.doc_id if finding.has_evidence else None,
    }
