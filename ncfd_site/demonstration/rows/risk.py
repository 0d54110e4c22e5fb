"""Signals and what evaluating them came to; gates and scores by the runs that everybody makes."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from ncfd_site.demonstration.plan.calendar import LOADS, Calendar
from ncfd_site.demonstration.plan.risk import TO_RECORD_SIGNAL, PlannedEvaluation, PlannedSignal
from signals.models import Signal, SignalEvaluation
from signals.registry_signals.evaluation import evaluate_registry_signals
from signals.scoring.run import score_trials_at

_DIGITS = Decimal("0.000001")
PIPELINE = "reading of releases, 1"


def add_risk(
    signals: Sequence[PlannedSignal],
    evaluations: Sequence[PlannedEvaluation],
    trials: Mapping[str, int],
    studies: Mapping[str, int],
    documents: Mapping[str, int],
    calendar: Calendar,
) -> None:
    """Add every signal and evaluation, then score as of each run; the gates are those of the last one."""
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
    SignalEvaluation.objects.bulk_create(
        SignalEvaluation(
            trial_id=trials[one.trial.nct_id],
            s_id=one.code,
            outcome="fired" if one.fired else "not fired",
            reason=one.reason,
            evidence={"doc_id": documents[one.source.source_url], "study_id": studies[one.source.source_url]},
            evaluated_at=one.evaluated_at,
            evaluated_by=PIPELINE,
        )
        for one in evaluations
    )
    for load in range(1, len(LOADS) + 1):
        evaluate_registry_signals(moment=calendar.load(load) + TO_RECORD_SIGNAL)
    runs = calendar.runs()
    for run_id, at in runs.items():
        score_trials_at(run_id, at, with_gates=run_id == list(runs)[-1])


def _place(signal: PlannedSignal, documents: Mapping[str, int]) -> dict[str, Any]:
    if signal.source is None or signal.place is None:
        return {"source": "versions of the registry record"}
    return {
        "doc_id": documents[signal.source.source_url],
        "page_no": signal.place.page_no,
        "char_start": signal.place.start,
        "char_end": signal.place.end,
    }
