"""Strict JSON: values that the database's jsonb cannot hold are rejected with a reason."""

import hashlib
import json
from typing import Any, NoReturn

from ncfd_site.ingest.records import InvalidRecord
from ncfd_site.ingest.text import decode_utf8, require_storable

# Registry records are about ten levels deep; functions on them recurse.
MAX_DEPTH = 100


def parse_json(raw: bytes) -> Any:
    """Return the value of JSON text.

    Raises `InvalidRecord` for invalid UTF-8 or JSON, NaN, infinity, NUL, lone surrogates and excessive nesting.
    """
    text = decode_utf8(raw)
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise InvalidRecord(f"not JSON: {error.msg} at position {error.pos + 1}") from None
    except RecursionError:
        raise InvalidRecord("unusable JSON: nested too deeply") from None
    except InvalidRecord:
        raise
    except ValueError:
        # Python refuses integers of more than 4,300 digits.
        raise InvalidRecord("unusable JSON: a number has too many digits") from None
    _require_shallow(value)
    if "\\u" in text or "\x00" in text:
        require_storable(value)
    return value


def _require_shallow(value: Any) -> None:
    level, depth = [value] if isinstance(value, dict | list) else [], 0
    while level:
        if depth > MAX_DEPTH:
            raise InvalidRecord("unusable JSON: nested too deeply")
        depth += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]


def canonical_json(value: Any) -> str:
    """Return the canonical JSON of a value: sorted keys, no spaces, UTF-8 characters unescaped."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def hash_json(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidRecord(f"not JSON: {name} is not a number")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise InvalidRecord(f"unusable JSON: the number {digits[:40]} is too large")
    return number
