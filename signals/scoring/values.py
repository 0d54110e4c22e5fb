"""What the checks of scores and of gates share: a difference, and values that stand in metadata of any shape."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from signals.formulas import (
    GATE_SIGNALS,
    SEVERITIES,
    SIGNALS,
    GateEvaluation,
    evaluate_gate,
    fires,
)
from signals.scoring.table import scoring_table

MISSING = "nothing"
# Of what millions of rows share, so much is kept in memory.
CACHE_SIZE = 4096
# Numbers with more digits before the point, or more zeros after it, are written with an exponent.
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not what it should be."""

    column: str
    stored: str
    expected: str


@dataclass(frozen=True, slots=True)
class GateInputs:
    """What decides the row of one gate, of the signals that it looks at.

    `late` and `not_fired` are there only where it did not fire: its rationale tells them.
    """

    code: str
    severities: tuple[tuple[str, str], ...]
    late: tuple[str, ...] = ()
    not_fired: tuple[str, ...] = ()

    @property
    def signals(self) -> dict[str, str]:
        """The signals that count, with their severities."""
        return dict(self.severities)

    @property
    def told(self) -> dict[str, Any]:
        """The same as the metadata of a gate holds it."""
        lists = {"late": list(self.late), "not_fired": list(self.not_fired)}
        return {"signals": self.signals, **{name: codes for name, codes in lists.items() if codes}}


def select_gate_inputs(
    code: str, signals: Mapping[str, str], late: Collection[str] = (), not_fired: Collection[str] = ()
) -> GateInputs:
    """What one gate sees of the signals of a trial."""
    looked_at = GATE_SIGNALS[code]
    severities = tuple((signal, signals[signal]) for signal in looked_at if signal in signals)
    if fires(code, signals.keys()):
        return GateInputs(code, severities)
    return GateInputs(
        code,
        severities,
        tuple(signal for signal in looked_at if signal in late),
        tuple(signal for signal in looked_at if signal in not_fired),
    )


@lru_cache(maxsize=CACHE_SIZE)
def expected_gate(seen: GateInputs) -> GateEvaluation:
    """The gate that follows from this by the table of today."""
    return evaluate_gate(seen.code, seen.signals, scoring_table().ratios, late=seen.late, not_fired=seen.not_fired)


def read_json(text: str) -> Any:
    """The value of a jsonb column, numbers as decimals; None where it is nested past all depth."""
    try:
        return json.loads(text, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError):
        return None


def parse_severities(value: Any) -> dict[str, str] | None:
    """The severities of signals by code; None where the value holds none."""
    if not isinstance(value, Mapping):
        return None
    return {code: severity for code, severity in value.items() if code in SIGNALS and severity in SEVERITIES}


def parse_codes(value: Any) -> tuple[str, ...]:
    """The codes of signals in a list; what else stands there is left out."""
    return tuple(code for code in value if code in SIGNALS) if isinstance(value, list) else ()


def parse_number(value: Any) -> Decimal | None:
    """A finite number, given as a number or as text; None where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def format_codes(codes: Iterable[str]) -> str:
    """Codes with commas between."""
    return ", ".join(codes) or MISSING


def format_number(value: Decimal | None) -> str:
    """A number without zeros at its end."""
    if value is None:
        return MISSING
    return f"{value.normalize():f}" if abs(value.adjusted()) < _LONGEST else str(value)
