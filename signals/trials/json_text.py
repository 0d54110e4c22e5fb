"""JSON of other people as text: read where it can be, and shown raw where it cannot."""

import json
from dataclasses import dataclass
from typing import Any

# Python reads deeper ones no more, and a page that draws them would be no page.
DEEPEST = 60
# The raw form of a card is cut here; the admin has the rest.
LONGEST_RAW = 200_000


@dataclass(frozen=True, slots=True)
class ReadJson:
    """A JSON value and its text; `is_readable` is false where it is nested too deep or holds an endless number."""

    value: Any
    raw: str
    is_readable: bool


def read_json(text: str | None) -> ReadJson:
    """Read JSON as the database spells it; None is no value."""
    if text is None:
        return ReadJson(None, "", True)
    cut = text if len(text) <= LONGEST_RAW else f"{text[:LONGEST_RAW]}\u2026"
    try:
        value = json.loads(text)
    except (RecursionError, ValueError):
        return ReadJson(None, cut, False)
    if _depth(value) > DEEPEST:
        return ReadJson(None, cut, False)
    return ReadJson(value, cut, True)


def _depth(value: Any) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        if not isinstance(one, dict | list):
            continue
        deepest = max(deepest, depth)
        if deepest > DEEPEST:
            break
        waiting += [(inner, depth + 1) for inner in (one.values() if isinstance(one, dict) else one)]
    return deepest
