"""Every name of an asset: those inside `assets.names_jsonb`, and those beside it in `asset_aliases`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def distinct_names(names: Any, aliases: Iterable[str] = ()) -> list[str]:
    """Return each name in a JSON value and in `aliases` once, in that order; upper and lower case are one name."""
    found: dict[str, str] = {}
    for name in (*_strings(names), *aliases):
        cleaned = " ".join(name.split())
        if cleaned:
            found.setdefault(cleaned.casefold(), cleaned)
    return list(found.values())


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
