"""The gates and signals that speak against a trial, as a list shows them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ncfd_site import sql
from signals.models import Gate, Signal
from signals.queries import recorded_ratios

SHOWN = 3
_NAMES = dict([*Gate.Code.choices, *Signal.Code.choices])
_SEVERITIES = dict(Signal.Severity.choices)
_WORST_FIRST = {code: place for place, code in enumerate(Signal.Severity.values)}

_MARKS = """
    SELECT trial_id, "G_id" AS code, NULL AS severity FROM gates WHERE trial_id = ANY(%(ids)s) AND fired_bool
    UNION ALL
    SELECT trial_id, "S_id", severity FROM signals WHERE trial_id = ANY(%(ids)s)
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """A gate, or a signal with its severity."""

    code: str
    severity: str = ""

    @property
    def name(self) -> str:
        """The name in full: "G1 Alpha-Meltdown"."""
        return _NAMES.get(self.code, self.code)

    @property
    def severity_words(self) -> str:
        """high, medium or low."""
        return _SEVERITIES.get(self.severity, self.severity)


@dataclass(frozen=True, slots=True)
class Marks:
    """The gates that fired for a trial, by code, and its signals, the worst first."""

    gates: list[Mark] = field(default_factory=list)
    signals: list[Mark] = field(default_factory=list)

    @property
    def top_signals(self) -> list[Mark]:
        """The signals that there is room for."""
        return self.signals[:SHOWN]

    @property
    def other_signals(self) -> list[Mark]:
        """The signals beyond these."""
        return self.signals[SHOWN:]

    @property
    def gate_codes(self) -> set[str]:
        """The codes of the gates."""
        return {gate.code for gate in self.gates}


@dataclass(frozen=True, slots=True)
class _Row:
    trial_id: int
    code: str
    severity: str | None


def marks_of(trial_ids: Collection[int]) -> dict[int, Marks]:
    """Return what speaks against trials today, by trial, in one statement."""
    found: dict[int, list[Mark]] = {}
    for row in sql.rows(_MARKS, {"ids": list(trial_ids)}, of=_Row) if trial_ids else ():
        found.setdefault(row.trial_id, []).append(Mark(row.code, row.severity or ""))
    return {trial_id: _sorted(marks) for trial_id, marks in found.items()}


def recorded_marks(metadata: Any) -> Marks:
    """Return what a run wrote down of gates and signals that counted; it may have written neither."""
    signals = metadata.get("signals") if isinstance(metadata, Mapping) else None
    counted = signals.items() if isinstance(signals, Mapping) else ()
    return _sorted(
        [
            *(Mark(code) for code in recorded_ratios(metadata) or ()),
            *(Mark(str(code), severity) for code, severity in counted if severity in _SEVERITIES),
        ]
    )


def _sorted(marks: Iterable[Mark]) -> Marks:
    every = sorted(marks, key=lambda mark: (_WORST_FIRST.get(mark.severity, 0), mark.code))
    return Marks([mark for mark in every if not mark.severity], [mark for mark in every if mark.severity])
