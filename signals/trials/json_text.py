"""JSON of pipelines: parsed where possible, raw text otherwise."""

import json
from dataclasses import dataclass
from typing import Any

# Deeper values are shown as raw text.
MAX_DEPTH = 60
# Characters of raw text on a page; the admin shows all.
LONGEST_RAW = 200_000


@dataclass(frozen=True, slots=True)
class ReadJson:
    """A JSON value and its text; `is_readable` is False if it is nested too deep or contains too long a number."""

    value: Any
    raw: str
    is_readable: bool


def read_json(text: str | None) -> ReadJson:
    """Read JSON text from the database; None is no value."""
    if text is None:
        return ReadJson(None, "", True)
    cut = text if len(text) <= LONGEST_RAW else f"{text[:LONGEST_RAW]}\u2026"
    try:
        value = json.loads(text)
    except (RecursionError, ValueError):
        return ReadJson(None, cut, False)
    if _depth(value) > MAX_DEPTH:
        return ReadJson(None, cut, False)
    return ReadJson(value, cut, True)


def _depth(value: Any) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        if not isinstance(one, dict | list):
            continue
        deepest = max(deepest, depth)
        if deepest > MAX_DEPTH:
            break
        waiting += [(inner, depth + 1) for inner in (one.values() if isinstance(one, dict) else one)]
    return deepest
