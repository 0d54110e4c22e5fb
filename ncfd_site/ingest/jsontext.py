"""JSON text to values, strictly: what the database's jsonb cannot hold is refused here, with the reason."""

import hashlib
import json
from typing import Any, NoReturn

from ncfd_site.ingest.records import InvalidRecord
from ncfd_site.ingest.text import decoded, require_storable

# Registry records are about ten levels deep; what works on them recurses, and Python's stack is finite.
DEEPEST = 100


def parsed(raw: bytes) -> Any:
    """The value; raises `Unfit` for bad UTF-8, bad JSON, NaN and infinities, NUL, half characters, absurd nesting."""
    text = decoded(raw)
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise InvalidRecord(f"not JSON: {error.msg} at position {error.pos + 1}") from None
    except RecursionError:
        raise InvalidRecord("not usable JSON: nested too deeply") from None
    except InvalidRecord:
        raise
    except ValueError:
        # Python refuses to read whole numbers of more than 4,300 digits.
        raise InvalidRecord("not usable JSON: a number has too many digits") from None
    _require_shallow(value)
    if "\\u" in text or "\x00" in text:
        require_storable(value)
    return value


def _require_shallow(value: Any) -> None:
    level, depth = [value] if isinstance(value, dict | list) else [], 0
    while level:
        if depth > DEEPEST:
            raise InvalidRecord("not usable JSON: nested too deeply")
        depth += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]


def canonical(value: Any) -> str:
    """The one spelling of a JSON value: keys sorted, no blanks, UTF-8 characters as they are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def fingerprint(value: Any) -> str:
    """SHA-256 of the canonical spelling, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidRecord(f"not JSON: {name} is no number")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise InvalidRecord(f"not usable JSON: the number {digits[:40]} is too large")
    return number
