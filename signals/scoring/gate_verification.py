"""Verification of a current gate against its rule, the table, the signals of its trial and the score of its run."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from signals.formulas import GATE_SIGNALS
from signals.scoring.inputs import GateInputs, select_gate_inputs
from signals.scoring.score_verification import read_recorded_score
from signals.scoring.table import scoring_table
from signals.scoring.values import (
    CACHE_SIZE,
    MISSING,
    Difference,
    compute_gate,
    format_codes,
    format_number,
    parse_codes,
    parse_severities,
    parse_text,
    read_json,
)

# Severity and firing time of the signals of a trial, by code.
Signals = Mapping[str, tuple[str, datetime]]


@dataclass(frozen=True, slots=True)
class StoredGate:
    """A row of `gates`; `metadata` is JSON text."""

    code: str
    fired: bool
    supporting: tuple[str, ...]
    ratio: Decimal | None
    rationale: str | None
    evaluated_at: datetime
    metadata: str


@dataclass(frozen=True, slots=True)
class GateContext:
    """The data that a gate is compared with: signals of its trial, their evaluations, and the score of its run.

    `frozen_at` and `score` (JSON text of the metadata) come from that score. `evaluated_at` is the moment of its run:
    equal gates of a run before it were not written again.
    """

    now: datetime
    signals: Signals = field(default_factory=dict)
    evaluated: Mapping[str, datetime] = field(default_factory=dict)
    frozen_at: datetime | None = None
    score: str | None = None
    evaluated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordedGate:
    """Content of a gate's metadata; `signals` is None for metadata of other programs without signals."""

    run: str
    version: str | None
    signals: Mapping[str, str] | None
    late: tuple[str, ...]
    not_fired: tuple[str, ...]

    @property
    def is_from_current_table(self) -> bool:
        """True if the gate was evaluated by the current table."""
        return self.version == scoring_table().version


@dataclass(frozen=True, slots=True)
class GateCheck:
    """Result of a verification. A gate is stale if a signal of its rule changed after its evaluation."""

    differences: list[Difference]
    is_stale: bool


@lru_cache(maxsize=CACHE_SIZE)
def read_recorded_gate(metadata: str) -> RecordedGate:
    """Read the metadata of a gate from JSON text; any other text gives an empty gate."""
    value = read_json(metadata)
    if not isinstance(value, Mapping):
        return RecordedGate("", None, None, (), ())
    return RecordedGate(
        run=str(value.get("run_id") or ""),
        version=parse_text(value.get("table_version")),
        signals=parse_severities(value.get("signals")),
        late=parse_codes(value.get("late")),
        not_fired=parse_codes(value.get("not_fired")),
    )


def verify_gate(stored: StoredGate, context: GateContext) -> GateCheck:
    """Compare a current gate with what it should be; signals that changed after its evaluation make it stale."""
    recorded = read_recorded_gate(stored.metadata)
    if context.evaluated_at is not None and stored.evaluated_at < context.evaluated_at:
        stored = replace(stored, evaluated_at=context.evaluated_at)
    if recorded.signals is None:
        # Written by another program: only the signals of the trial at that time are known.
        counting = {code: signal[0] for code, signal in context.signals.items() if _is_used(stored, context, signal[1])}
        inputs = select_gate_inputs(stored.code, counting)
    else:
        inputs = _read_recorded_inputs(stored.code, stored.metadata)
    row = (stored.fired, stored.supporting, stored.ratio, stored.rationale)
    differences = [*_compare_with_rule(inputs, *row, recorded.is_from_current_table)]
    if stored.evaluated_at > context.now:
        differences.append(Difference("evaluated_at", str(stored.evaluated_at), "a time in the past"))
    is_stale = False
    if context.signals or context.evaluated or inputs.severities:
        used = inputs.signals
        for code in GATE_SIGNALS[stored.code]:
            is_later = _is_changed_since_evaluation(stored, context, code, used)
            is_stale |= is_later
            signal = context.signals.get(code)
            current = signal[0] if signal and _is_used(stored, context, signal[1]) else MISSING
            if not is_later and current != used.get(code, MISSING):
                differences.append(Difference(f"metadata.signals.{code}", used.get(code, MISSING), current))
    if context.score is not None:
        differences += _compare_with_score(stored.code, stored.fired, stored.metadata, context.score)
    elif recorded.is_from_current_table:
        differences.append(Difference("metadata.run_id", recorded.run or MISSING, "a run that scored the trial"))
    return GateCheck(differences, is_stale)


@lru_cache(maxsize=CACHE_SIZE)
def _compare_with_rule(
    inputs: GateInputs,
    fired: bool,
    supporting: tuple[str, ...],
    ratio: Decimal | None,
    rationale: str | None,
    is_current: bool,
) -> tuple[Difference, ...]:
    expected = compute_gate(inputs)
    differences = []
    if fired != expected.fired:
        differences.append(Difference("fired_bool", _format_state(fired), _format_state(expected.fired)))
    if sorted(supporting) != sorted(expected.supporting):
        differences.append(Difference("supporting_S_ids", format_codes(supporting), format_codes(expected.supporting)))
    if is_current or not expected.fired:
        if ratio != expected.ratio:
            differences.append(Difference("lr_used", format_number(ratio), format_number(expected.ratio)))
    elif ratio is None:
        differences.append(Difference("lr_used", MISSING, "a likelihood ratio"))
    if is_current and rationale != expected.rationale:
        differences.append(Difference("rationale_text", rationale or MISSING, expected.rationale))
    return tuple(differences)


@lru_cache(maxsize=CACHE_SIZE)
def _read_recorded_inputs(code: str, metadata: str) -> GateInputs:
    recorded = read_recorded_gate(metadata)
    return select_gate_inputs(code, recorded.signals or {}, recorded.late, recorded.not_fired)


@lru_cache(maxsize=CACHE_SIZE)
def _compare_with_score(code: str, fired: bool, metadata: str, score_metadata: str) -> tuple[Difference, ...]:
    recorded, score = read_recorded_gate(metadata), read_recorded_score(score_metadata)
    found: list[tuple[str, str, str]] = []
    if score.gates is not None and (code in score.gates) != fired:
        found.append(("fired_bool", _format_state(fired), _format_state(code in score.gates)))
    has_version = score.version is not None and (recorded.version is not None or score.is_from_current_table)
    if has_version and recorded.version != score.version:
        found.append(("metadata.table_version", recorded.version or MISSING, score.version or MISSING))
    if has_version and score.signals is not None:
        expected = select_gate_inputs(code, score.signals, score.late, score.not_fired)
        for name, stored_codes, expected_codes in (
            ("signals", _format_severities(recorded.signals or {}), _format_severities(expected.signals)),
            ("late", recorded.late, expected.late),
            ("not_fired", recorded.not_fired, expected.not_fired),
        ):
            if sorted(stored_codes) != sorted(expected_codes):
                found.append((f"metadata.{name}", format_codes(stored_codes), format_codes(expected_codes)))
    return tuple(Difference(column, stored, f"{usual}, as in its score") for column, stored, usual in found)


def _is_changed_since_evaluation(stored: StoredGate, context: GateContext, code: str, used: Mapping[str, str]) -> bool:
    severity, fired_at = context.signals.get(code, (None, None))
    if fired_at is not None and context.frozen_at is not None and fired_at > context.frozen_at:
        severity = fired_at = None
    if fired_at is not None and fired_at >= stored.evaluated_at:
        return True
    # An evaluation may find a signal with an earlier firing time, or delete one.
    evaluated_at = context.evaluated.get(code)
    return evaluated_at is not None and evaluated_at >= stored.evaluated_at and used.get(code) != severity


def _is_used(stored: StoredGate, context: GateContext, fired_at: datetime) -> bool:
    return fired_at < stored.evaluated_at and (context.frozen_at is None or fired_at <= context.frozen_at)


def _format_severities(severities: Mapping[str, str]) -> list[str]:
    return [f"{code} {severity}" for code, severity in severities.items()]


def _format_state(fired: bool) -> str:
    return "fired" if fired else "did not fire"
