"""Signals, gates and scores."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from ncfd_site.demonstration.plan.calendar import Calendar
from ncfd_site.demonstration.plan.risk import PlannedScore, PlannedSignal
from ncfd_site.demonstration.scores import TABLE_VERSION
from signals.models import Gate, Score, Signal

_DIGITS = Decimal("0.000001")


def add_risk(
    signals: Sequence[PlannedSignal],
    scores: Sequence[PlannedScore],
    trials: Mapping[str, int],
    studies: Mapping[str, int],
    documents: Mapping[str, int],
    calendar: Calendar,
) -> None:
    """Add every signal, the gates as the last run saw them, and the scores of every run."""
    Signal.objects.bulk_create(
        Signal(
            trial_id=trials[signal.trial.nct_id],
            s_id=signal.code,
            value=None if signal.value is None else Decimal(signal.value).quantize(_DIGITS),
            severity=signal.severity,
            evidence_span=signal.quote,
            source_study_id=studies[signal.source.source_url] if signal.source else None,
            fired_at=signal.fired_at,
            metadata=_place(signal, documents),
        )
        for signal in signals
    )
    run_id, at = list(calendar.runs().items())[-1]
    Gate.objects.bulk_create(
        gate for score in scores if score.run_id == run_id for gate in _gates(score, trials[score.trial.nct_id], at)
    )
    Score.objects.bulk_create(
        Score(
            trial_id=trials[score.trial.nct_id],
            run_id=score.run_id,
            prior_pi=score.posterior.prior_pi,
            logit_prior=score.posterior.logit_prior,
            sum_log_lr=score.posterior.sum_log_lr,
            logit_post=score.posterior.logit_post,
            p_fail=score.posterior.p_fail,
            features_frozen_at=score.frozen_at,
            scored_at=score.scored_at,
            metadata=score.metadata,
        )
        for score in scores
    )


def _gates(score: PlannedScore, trial_id: int, at: datetime) -> list[Gate]:
    return [
        Gate(
            trial_id=trial_id,
            g_id=one.code,
            fired_bool=one.fired,
            supporting_s_ids=[*one.supporting],
            lr_used=one.ratio,
            rationale_text=one.rationale,
            evaluated_at=at,
            metadata={"run_id": score.run_id, "table_version": TABLE_VERSION},
        )
        for one in score.evaluations
    ]


def _place(signal: PlannedSignal, documents: Mapping[str, int]) -> dict[str, Any]:
    if signal.source is None or signal.place is None:
        return {"source": "versions of the registry record"}
    return {
        "doc_id": documents[signal.source.source_url],
        "page_no": signal.place.page_no,
        "char_start": signal.place.start,
        "char_end": signal.place.end,
    }
