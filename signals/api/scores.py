"""Runs, the scores of a trial over them, and how a score comes about."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Query, Schema
from pydantic import Field

from ncfd_site.api import keyset
from ncfd_site.api.operations import ListParams, Number, Page, Word, declare_get, register_router
from ncfd_site.core.permissions import current_user
from signals.api.trials import (
    VIEW,
    VIEW_GATES,
    VIEW_SIGNALS,
    find_trial,
)
from signals.explanation.findings import gate_findings, gates_of_today, signal_findings
from signals.explanation.trial_facts import scored
from signals.explanation.waterfall import waterfall
from signals.models import Score
from signals.queries import compute_breakdown, is_raised_by_stop_rule
from signals.trials.run_record import run_record
from signals.trials.runs import latest_runs

router = register_router("scores", 20)


class RunItem(Schema):
    """A run, and the moment that its scores are of."""

    run_id: str
    scored_at: datetime


class Runs(Schema):
    """The latest runs."""

    items: list[RunItem]


class ScoreItem(Schema):
    """One score of a trial."""

    score_id: int
    run_id: str
    scored_at: datetime
    features_frozen_at: datetime | None
    prior_pi: Number = Field(description="Probability of failure before any gate.")
    logit_prior: Number = Field(description="Prior log-odds.")
    sum_log_lr: Number = Field(description="Sum of the log-odds that gates add.")
    logit_post: Number = Field(description="Posterior log-odds.")
    p_fail: Number


class Scores(Page):
    """Some scores."""

    items: list[ScoreItem]


class ScoresAsked(ListParams):
    """Which scores."""

    run: Word = Field("", description="That of this run alone.")


class ContributionItem(Schema):
    """What one gate adds."""

    gate: str
    likelihood_ratio: Number = Field(description="As recorded.")
    log_odds: Number = Field(description="Its logarithm, the ratio being kept within 0.25 and 10.")


class StepItem(Schema):
    """One step of the waterfall, in log-odds."""

    kind: str
    name: str
    before: Number
    after: Number
    probability: Number
    source: str


class StopRuleItem(Schema):
    """A rule that puts the probability at a value at least."""

    rule: str
    description: str
    p_fail_at_least: Number


class SignalState(Schema):
    """A signal as the run saw it."""

    code: str
    state: str = Field(description="fired, late (after the features froze), not fired, or not evaluated.")
    severity: str | None
    why: str
    quote: str | None
    study_id: int | None
    doc_id: int | None


class GateState(Schema):
    """A gate as the run saw it."""

    code: str
    fired: bool
    rule: str
    rationale: str | None


class Why(Schema):
    """How a score comes about, as the page of the trial tells it."""

    nct_id: str
    score: ScoreItem
    is_latest: bool
    table_version: str | None
    recorded: bool = Field(description="The run wrote its gates down; if not, those of today are taken.")
    adds_up: bool = Field(description="The steps lead to the stored numbers.")
    deviations: list[str] = Field(description="Where they do not, in sentences.")
    is_raised_by_stop_rule: bool
    contributions: list[ContributionItem]
    steps: list[StepItem]
    stop_rules: list[StopRuleItem]
    signals: list[SignalState] | None = Field(description="Null for who may not see signals.")
    gates: list[GateState] | None = Field(description="Null for who may not see gates.")
    metadata: Any = Field(description="What the run wrote down, as it stands.")


class WhyAsked(Schema):
    """Which run."""

    run: Word = Field("", description="The run; the latest where it is left out.")


@declare_get(router, "/runs", VIEW, Runs, "The latest 50 runs, the newest first")
def runs(request: HttpRequest) -> object:
    """Runs that scored trials; older ones can still be asked for by name."""
    return {"items": latest_runs()}


@declare_get(router, "/trials/{nct_id}/scores", VIEW, Scores, "Scores of a trial, the newest first")
def scores(request: HttpRequest, nct_id: str, asked: Query[ScoresAsked]) -> object:
    """The history of a trial's probability of failure."""
    found = Score.objects.filter(trial_id=find_trial(nct_id).trial_id).defer("metadata")
    if asked.run:
        found = found.filter(run_id=asked.run)
    keys = [keyset.Key("scored_at", descending=True), keyset.Key("pk", descending=True)]
    page = keyset.page(request, found, keys, asked.limit, asked.cursor)
    return {"items": page.rows, "next": page.next}


@declare_get(router, "/trials/{nct_id}/why", VIEW, Why, "How a score comes about")
def why(request: HttpRequest, nct_id: str, asked: Query[WhyAsked]) -> object:
    """Prior, what each gate adds, stop rules and posterior, with the state of each signal in that run."""
    facts, asks = find_trial(nct_id), current_user(request)
    found = scored(facts.trial_id, asked.run)
    if found is None:
        of = f"in the run {asked.run}" if asked.run else "in any run"
        raise Http404(f"{facts.nct_id} is not scored {of}.")
    score = found.score
    record = run_record(score.metadata)
    gates = gates_of_today(facts.trial_id)
    account = compute_breakdown(score, gates)
    steps = waterfall(score, account, record)
    return {
        "nct_id": facts.nct_id,
        "score": score,
        "is_latest": found.is_latest,
        "table_version": record.table_version or None,
        "recorded": account.recorded,
        "adds_up": steps.adds_up,
        "deviations": list(steps.deviations),
        "raised_by_stop_rule": is_raised_by_stop_rule(score),
        "contributions": [
            {"gate": one.code, "likelihood_ratio": one.likelihood_ratio, "log_odds": round(one.log_ratio, 6)}
            for one in account.contributions
        ],
        "steps": list(steps.steps),
        "stop_rules": [
            {"rule": rule.name, "description": rule.description, "p_fail_at_least": rule.at_least}
            for rule in record.stop_rules
        ],
        "signals": [
            {
                "code": one.code,
                "state": one.state,
                "severity": one.row.severity,
                "why": one.why,
                "quote": one.row.quote if one.has_evidence else None,
                "study_id": one.row.study_id if one.has_evidence else None,
                "doc_id": one.row.doc_id if one.has_evidence else None,
            }
            for one in signal_findings(facts.trial_id, record, is_latest=found.is_latest, scored_at=score.scored_at)
        ]
        if asks.has_perm(VIEW_SIGNALS)
        else None,
        "gates": [
            {"code": one.code, "fired": one.fired, "rule": one.rule, "rationale": one.rationale or None}
            for one in gate_findings(score, account, record, gates)
        ]
        if asks.has_perm(VIEW_GATES)
        else None,
        "metadata": score.metadata,
    }
