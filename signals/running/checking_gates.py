"""Whether a gate of today is what the rules, the table and the signals of its trial say it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from signals.running.values import NOTHING, Difference, gate_of, listed, severities_in, shown
from signals.scoring import LOOKS_AT
from signals.scoring_table import ScoringTable


@dataclass(frozen=True, slots=True)
class StoredGate:
    """A row of `gates`, and what its trial has: signals with severity and moment, what was evaluated later."""

    code: str
    fired: bool
    supporting: tuple[str, ...]
    ratio: Decimal | None
    rationale: str | None
    evaluated_at: datetime
    metadata: Any
    frozen_at: datetime | None
    signals: Mapping[str, tuple[str, datetime]]
    evaluated_later: frozenset[str] = field(default_factory=frozenset)


def differences_of_gate(stored: StoredGate, table: ScoringTable) -> Iterator[Difference]:
    """What is wrong with a gate of today; signals that came or changed after it was evaluated are no fault of it."""
    saw = _seen(stored)
    is_ours = isinstance(stored.metadata, Mapping) and stored.metadata.get("table_version") == table.version
    expected = gate_of(stored.code, tuple(saw.items()))
    if stored.fired != expected.fired:
        yield Difference("fired_bool", _bool(stored.fired), _bool(expected.fired))
    if set(stored.supporting) != set(expected.supporting):
        yield Difference("supporting_S_ids", listed(stored.supporting), listed(expected.supporting))
    if is_ours or not expected.fired:
        if stored.ratio != expected.ratio:
            yield Difference("lr_used", shown(stored.ratio), shown(expected.ratio))
    elif stored.ratio is None:
        yield Difference("lr_used", NOTHING, "a likelihood ratio")
    if is_ours and stored.rationale != expected.rationale:
        yield Difference("rationale_text", stored.rationale or NOTHING, expected.rationale)
    for code in LOOKS_AT[stored.code]:
        has = stored.signals.get(code)
        now = has[0] if has and _counts(stored, has[1]) else NOTHING
        if now != saw.get(code, NOTHING) and not _is_later(stored, code, saw):
            yield Difference(f"metadata.signals.{code}", saw.get(code, NOTHING), now)


def is_stale(stored: StoredGate) -> bool:
    """Whether a signal that the gate looks at came or changed after it, or was evaluated anew and taken back."""
    saw = _seen(stored)
    return any(_is_later(stored, code, saw) for code in LOOKS_AT[stored.code])


def _seen(stored: StoredGate) -> dict[str, str]:
    """The signals that the gate saw, with their severities: what its metadata says, else those of that time."""
    saw = severities_in(stored.metadata.get("signals")) if isinstance(stored.metadata, Mapping) else None
    if saw is None:
        # Written by another program: the trial's own signals of that time are all that there is.
        saw = {code: severity for code, (severity, fired_at) in stored.signals.items() if _counts(stored, fired_at)}
    return {code: saw[code] for code in LOOKS_AT[stored.code] if code in saw}


def _is_later(stored: StoredGate, code: str, saw: Mapping[str, str]) -> bool:
    has = stored.signals.get(code)
    is_known = has is not None and _is_before_freeze(stored, has[1])
    if has is not None and is_known and has[1] >= stored.evaluated_at:
        return True
    # A signal may be of an earlier moment than the evaluation that found it, or be taken back by one.
    now = has[0] if has is not None and is_known else None
    return code in stored.evaluated_later and saw.get(code) != now


def _is_before_freeze(stored: StoredGate, fired_at: datetime) -> bool:
    # What fires after the freeze never counts: the gate need not be evaluated anew for it.
    return stored.frozen_at is None or fired_at <= stored.frozen_at


def _counts(stored: StoredGate, fired_at: datetime) -> bool:
    return fired_at < stored.evaluated_at and _is_before_freeze(stored, fired_at)


def _bool(value: bool) -> str:
    return "fired" if value else "did not fire"
