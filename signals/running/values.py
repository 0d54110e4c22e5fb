"""What the checks of scores and of gates share: a difference, and values that stand in metadata of any shape."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from signals.scoring import SEVERITIES, SIGNALS, Evaluation, evaluate_gate
from signals.scoring_table import scoring_table

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not what it should be."""

    column: str
    stored: str
    expected: str


# Millions of rows share few of these.
@lru_cache(maxsize=4096)
def gate_of(code: str, severities: tuple[tuple[str, str], ...]) -> Evaluation:
    """The gate that follows from these signals by the table of today."""
    return evaluate_gate(code, dict(severities), scoring_table().ratios)


def severities_in(value: Any) -> dict[str, str] | None:
    """The severities of signals by code; None where the value holds none."""
    if not isinstance(value, Mapping):
        return None
    return {code: severity for code, severity in value.items() if code in SIGNALS and severity in SEVERITIES}


def number_in(value: Any) -> Decimal | None:
    """A finite number, given as a number or as text; None where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def listed(codes: Iterable[str]) -> str:
    """Codes with commas between."""
    return ", ".join(codes) or NOTHING


def shown(value: Decimal | None) -> str:
    """A number without zeros at its end."""
    return NOTHING if value is None else f"{value.normalize():f}"
