"""Rows for the tests of scoring: trials with versions of their record, and signals."""

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any

from django.utils import timezone

from signals.models import Signal, SignalEvaluation, Trial, TrialVersion
from tests import factories

_numbers = count(1)


def at(day: str) -> datetime:
    """Return midnight of a day, UTC."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def ago(days: float) -> datetime:
    """Return the time some days ago."""
    return timezone.now() - timedelta(days=days)


def ahead(days: int) -> date:
    """Return the date some days ahead; negative is the past."""
    return datetime.now(UTC).date() + timedelta(days=days)


def make_signals(trial: Trial, *codes: str, fired_at: datetime | None = None, **fields: Any) -> None:
    """Create signals such as S1H; default: fired an hour ago."""
    for code in codes:
        when = fired_at or ago(1 / 24)
        Signal.objects.create(trial=trial, s_id=code[:2], severity=code[2:] or "M", fired_at=when, **fields)


def make_evaluation(trial: Trial, code: str, outcome: str, when: datetime) -> SignalEvaluation:
    """Create an evaluation by a pipeline."""
    return SignalEvaluation.objects.create(
        trial=trial, s_id=code, outcome=outcome, reason="Looked.", evaluated_at=when, evaluated_by="a pipeline"
    )


def make_version(trial: Trial, captured_at: datetime, **fields: Any) -> TrialVersion:
    """Create a record version; `fields` are parts of the record by name, or columns."""
    design = {
        "phases": fields.pop("phases", ["PHASE3"]),
        "designInfo": fields.pop("info", {"allocation": "RANDOMIZED", "interventionModel": "PARALLEL"}),
    }
    status = {"overallStatus": fields.pop("status", "RECRUITING")}
    if completion := fields.pop("completion", "2030-01"):
        status["primaryCompletionDateStruct"] = {"date": completion}
    raw = {"protocolSection": {"designModule": design, "statusModule": status, **fields.pop("modules", {})}}
    return TrialVersion.objects.create(
        **{
            "trial": trial,
            "captured_at": captured_at,
            "raw_jsonb": raw,
            "primary_endpoint_text": "Overall survival [24 months]",
            "sha256": sha256(str(next(_numbers)).encode()).hexdigest(),
            **fields,
        }
    )


make_trial = factories.make_trial
make_study = factories.make_study
