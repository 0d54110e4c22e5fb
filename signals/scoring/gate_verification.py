"""Whether a gate of today is what the rules, the table, the signals of its trial and the score of its run say it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from signals.formulas import GATE_SIGNALS
from signals.scoring.score_verification import RecordedScore, read_recorded_score
from signals.scoring.table import scoring_table
from signals.scoring.values import (
    CACHE_SIZE,
    MISSING,
    Difference,
    GateInputs,
    expected_gate,
    format_codes,
    format_number,
    parse_codes,
    parse_severities,
    read_json,
    select_gate_inputs,
)

# Signals of a trial by code: severity, and the moment of firing.
Signals = Mapping[str, tuple[str, datetime]]


@dataclass(frozen=True, slots=True)
class StoredGate:
    """A row of `gates`; `metadata` as text."""

    code: str
    fired: bool
    supporting: tuple[str, ...]
    ratio: Decimal | None
    rationale: str | None
    evaluated_at: datetime
    metadata: str


@dataclass(frozen=True, slots=True)
class GateContext:
    """What else is known of its trial: signals, when each was evaluated last, and of the score of the run that it names
    since when the features are frozen, and the metadata as text.
    """

    now: datetime
    signals: Signals = field(default_factory=dict)
    evaluated: Mapping[str, datetime] = field(default_factory=dict)
    frozen_at: datetime | None = None
    score: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedGate:
    """What the metadata of a gate tell; `signals` is None where they tell of none, as those of other programs may."""

    run: str
    version: str | None
    signals: Mapping[str, str] | None
    late: tuple[str, ...]
    not_fired: tuple[str, ...]

    @property
    def is_ours(self) -> bool:
        """Whether the table of today made it."""
        return self.version == scoring_table().version


@lru_cache(maxsize=CACHE_SIZE)
def read_recorded_gate(metadata: str) -> RecordedGate:
    """Read the metadata of a gate, given as text."""
    value = read_json(metadata)
    if not isinstance(value, Mapping):
        return RecordedGate("", None, None, (), ())
    return RecordedGate(
        run=str(value.get("run_id") or ""),
        version=_text(value.get("table_version")),
        signals=parse_severities(value.get("signals")),
        late=parse_codes(value.get("late")),
        not_fired=parse_codes(value.get("not_fired")),
    )


@dataclass(frozen=True, slots=True)
class GateCheck:
    """What came of a gate. It is stale where a signal that it looks at came, changed or was taken back after it."""

    differences: list[Difference]
    is_stale: bool


def verify_gate(stored: StoredGate, known: GateContext) -> GateCheck:
    """What is wrong with a gate of today; signals that came or changed after it was evaluated are no fault of it."""
    told = read_recorded_gate(stored.metadata)
    row = (stored.fired, stored.supporting, stored.ratio, stored.rationale)
    if told.signals is None:
        # Written by another program: the trial's own signals of that time are all that there is.
        counted = {code: has[0] for code, has in known.signals.items() if _counts(stored, known, has[1])}
        seen = select_gate_inputs(stored.code, counted)
    else:
        seen = _seen(stored.code, stored.metadata)
    found = [*_by_rules(seen, *row, told.is_ours)]
    if stored.evaluated_at > known.now:
        found.append(Difference("evaluated_at", str(stored.evaluated_at), "a moment of the past"))
    is_stale = False
    if known.signals or known.evaluated or seen.severities:
        saw = seen.signals
        for code in GATE_SIGNALS[stored.code]:
            is_later = _is_later(stored, known, code, saw)
            is_stale |= is_later
            has = known.signals.get(code)
            now = has[0] if has and _counts(stored, known, has[1]) else MISSING
            if not is_later and now != saw.get(code, MISSING):
                found.append(Difference(f"metadata.signals.{code}", saw.get(code, MISSING), now))
    if known.score is not None:
        found += _by_score(stored.code, stored.fired, stored.metadata, known.score)
    elif told.is_ours:
        found.append(Difference("metadata.run_id", told.run or MISSING, "a run that scored the trial"))
    return GateCheck(found, is_stale)


# Millions of rows share few of these.
@lru_cache(maxsize=CACHE_SIZE)
def _by_rules(
    seen: GateInputs, fired: bool, supporting: tuple[str, ...], ratio: Decimal | None, rationale: str | None, ours: bool
) -> tuple[Difference, ...]:
    expected = expected_gate(seen)
    found = []
    if fired != expected.fired:
        found.append(Difference("fired_bool", _bool(fired), _bool(expected.fired)))
    if sorted(supporting) != sorted(expected.supporting):
        found.append(Difference("supporting_S_ids", format_codes(supporting), format_codes(expected.supporting)))
    if ours or not expected.fired:
        if ratio != expected.ratio:
            found.append(Difference("lr_used", format_number(ratio), format_number(expected.ratio)))
    elif ratio is None:
        found.append(Difference("lr_used", MISSING, "a likelihood ratio"))
    if ours and rationale != expected.rationale:
        found.append(Difference("rationale_text", rationale or MISSING, expected.rationale))
    return tuple(found)


@lru_cache(maxsize=CACHE_SIZE)
def _seen(code: str, metadata: str) -> GateInputs:
    told = read_recorded_gate(metadata)
    return select_gate_inputs(code, told.signals or {}, told.late, told.not_fired)


@lru_cache(maxsize=CACHE_SIZE)
def _by_score(code: str, fired: bool, metadata: str, of_score: str) -> tuple[Difference, ...]:
    return tuple(_differences_from_score(code, fired, read_recorded_gate(metadata), read_recorded_score(of_score)))


def _differences_from_score(code: str, fired: bool, told: RecordedGate, score: RecordedScore) -> Iterator[Difference]:
    """A gate and the score of its run are of one calculation."""
    if score.gates is not None and (code in score.gates) != fired:
        yield Difference("fired_bool", _bool(fired), f"{_bool(code in score.gates)}, as its score says")
    if score.version is None or (told.version is None and not score.is_ours):
        return
    if told.version != score.version:
        yield Difference("metadata.table_version", told.version or MISSING, f"{score.version}, as its score says")
    if score.signals is None:
        return
    should = select_gate_inputs(code, score.signals, score.late, score.not_fired)
    for name, has, expected in (
        ("signals", _pairs(told.signals or {}), _pairs(should.signals)),
        ("late", told.late, should.late),
        ("not_fired", told.not_fired, should.not_fired),
    ):
        if sorted(has) != sorted(expected):
            yield Difference(f"metadata.{name}", format_codes(has), f"{format_codes(expected)}, as its score says")


def _is_later(stored: StoredGate, known: GateContext, code: str, saw: Mapping[str, str]) -> bool:
    has = known.signals.get(code)
    is_known = has is not None and _is_before_freeze(known, has[1])
    if has is not None and is_known and has[1] >= stored.evaluated_at:
        return True
    # A signal may be of an earlier moment than the evaluation that found it, or be taken back by one.
    now = has[0] if has is not None and is_known else None
    evaluated_at = known.evaluated.get(code)
    return evaluated_at is not None and evaluated_at >= stored.evaluated_at and saw.get(code) != now


def _is_before_freeze(known: GateContext, fired_at: datetime) -> bool:
    # What fires after the freeze never counts: the gate need not be evaluated anew for it.
    return known.frozen_at is None or fired_at <= known.frozen_at


def _counts(stored: StoredGate, known: GateContext, fired_at: datetime) -> bool:
    return fired_at < stored.evaluated_at and _is_before_freeze(known, fired_at)


def _pairs(severities: Mapping[str, str]) -> list[str]:
    return [f"{code} {severity}" for code, severity in severities.items()]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _bool(value: bool) -> str:
    return "fired" if value else "did not fire"
