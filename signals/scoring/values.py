"""Values in stored metadata of any shape, and their formatting in mismatches."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from signals.formulas import SEVERITIES, SIGNALS, GateEvaluation, evaluate_gate
from signals.scoring.inputs import GateInputs
from signals.scoring.table import scoring_table

MISSING = "nothing"
# Entries of each cache: millions of rows share few distinct values.
CACHE_SIZE = 4096
# Longer numbers are shown with an exponent.
_MAX_DIGITS = 40


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored value that is not the expected one."""

    column: str
    stored: str
    expected: str


@lru_cache(maxsize=CACHE_SIZE)
def compute_gate(inputs: GateInputs) -> GateEvaluation:
    """Return the gate that follows from the inputs by the current table."""
    ratios = scoring_table().ratios
    return evaluate_gate(inputs.code, inputs.signals, ratios, late=inputs.late, not_fired=inputs.not_fired)


def read_json(text: str) -> Any:
    """Return the value of a jsonb column, numbers as Decimal; None for JSON nested too deeply."""
    try:
        return json.loads(text, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError):
        return None


def parse_severities(value: Any) -> dict[str, str] | None:
    """Return the valid severities of signals by code; None if the value is not an object."""
    if not isinstance(value, Mapping):
        return None
    return {code: severity for code, severity in value.items() if code in SIGNALS and severity in SEVERITIES}


def parse_codes(value: Any) -> tuple[str, ...]:
    """Return the signal codes in a list; other entries are skipped."""
    return tuple(code for code in value if code in SIGNALS) if isinstance(value, list) else ()


def parse_number(value: Any) -> Decimal | None:
    """Return a finite number, given as number or text, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def parse_text(value: Any) -> str | None:
    """Return a text, or None."""
    return value if isinstance(value, str) else None


def format_codes(codes: Iterable[str]) -> str:
    """Return codes separated by commas."""
    return ", ".join(codes) or MISSING


def format_number(value: Decimal | None) -> str:
    """Return a number without trailing zeros."""
    if value is None:
        return MISSING
    return f"{value.normalize():f}" if abs(value.adjusted()) < _MAX_DIGITS else str(value)
