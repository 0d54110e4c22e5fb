"""Scored trials for the explanation pages."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from signals.models import Gate, Score, Signal, Trial, TrialVersion
from tests.factories import POSTED

NAMES = {"G1": ("S1", "S2"), "G2": ("S3", "S4"), "G3": ("S5", "S6"), "G4": ("S1", "S8")}
LATEST = datetime(2026, 11, 26, 4, tzinfo=UTC)


def numbers(prior: str, *ratios: str, floor: str = "0") -> dict[str, Any]:
    """The columns of a score by the contract's formulas; a stop rule raises it to `floor` at least."""
    pi = Decimal(prior)
    logit = (pi / (1 - pi)).ln()
    total = sum((min(max(Decimal(ratio), Decimal("0.25")), Decimal(10)).ln() for ratio in ratios), Decimal(0))
    post = min(max(logit + total, Decimal(-8)), Decimal(8))
    p_fail = max(1 / (1 + (-post).exp()), Decimal(floor))
    return {
        "prior_pi": _rounded(pi, 5),
        "logit_prior": _rounded(logit, 6),
        "sum_log_lr": _rounded(total, 6),
        "logit_post": _rounded(post, 6),
        "p_fail": _rounded(p_fail, 5),
    }


def metadata(ratios: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """Return the metadata of a run: gates with ratios, and signals."""
    gates = ratios or {}
    codes = sorted({code for gate in gates for code in NAMES.get(gate, ())})
    return {
        "table_version": "2026-11",
        "as_of": None,
        "prior": {"phase": "PHASE3", "value": 0.42},
        "signals": dict.fromkeys(codes, "H"),
        "late": [],
        "not_fired": ["S7"],
        "not_evaluated": ["S9"],
        "gates": {
            gate: {"lr_used": float(lr), "supporting_S_ids": list(NAMES.get(gate, ()))} for gate, lr in gates.items()
        },
        "stop_rules": [],
        **more,
    }


def make_score(trial: Trial, ratios: dict[str, str] | None = None, *, run: str = "weekly 1", **fields: Any) -> Score:
    """Store the score of a run with the gates that it saw."""
    given = {**numbers("0.42", *(ratios or {}).values()), "metadata": metadata(ratios), "scored_at": LATEST, **fields}
    return Score.objects.create(trial=trial, run_id=run, **given)


def make_gates(trial: Trial, fired: dict[str, str], run: str = "weekly 1") -> None:
    """Store the gates of the current run."""
    for code, support in NAMES.items():
        Gate.objects.create(
            trial=trial,
            g_id=code,
            fired_bool=code in fired,
            supporting_s_ids=list(support) if code in fired else [],
            lr_used=fired.get(code),
            rationale_text=f"{code} {'fired' if code in fired else 'did not fire'} for this reason",
            metadata={"run_id": run},
        )


def make_signal(trial: Trial, code: str, **fields: Any) -> Signal:
    """Store a signal of high severity."""
    given = {"severity": "H", "evidence_span": f"the words of {code}", **fields}
    return Signal.objects.create(trial=trial, s_id=code, **given)


def registry_record(
    title: str = "A Study of Blefuscinib", endpoint: str = "Overall survival", **design: Any
) -> dict[str, Any]:
    """A record as the registry writes it."""
    return {
        "protocolSection": {
            "identificationModule": {"nctId": "NCT00000001", "briefTitle": title},
            "statusModule": {"overallStatus": "RECRUITING", "startDateStruct": {"date": "2024-01"}},
            "designModule": {"enrollmentInfo": {"count": 482}, **design},
            "outcomesModule": {"primaryOutcomes": [{"measure": endpoint, "timeFrame": "36 months"}]},
        },
        "derivedSection": {"miscInfoModule": {"versionHolder": "2026-01-01"}},
    }


def make_version(trial: Trial, record: Any, day: int = 0, **fields: Any) -> TrialVersion:
    """Store a version of a record, captured `day` days after the first."""
    return TrialVersion.objects.create(
        trial=trial,
        captured_at=POSTED + timedelta(days=day),
        raw_jsonb=record,
        sha256=f"{trial.pk:032x}{day:032x}",
        **fields,
    )


def _rounded(number: Decimal, digits: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)
