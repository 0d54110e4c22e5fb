"""Differences between two versions of a registry record."""

import itertools
import operator
from dataclasses import dataclass
from typing import Any

from signals.loading.fields import Json

# The registry recomputes it daily from the record and from MeSH: not a change of the trial.
DERIVED = "derivedSection"


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


# A missing field, as opposed to null.
ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A changed field: its path, and its value before and after (or ABSENT)."""

    path: tuple[str, ...]
    before: Any
    after: Any

    def as_json(self) -> Json:
        """Return `{"field": "a.b", "before": …, "after": …}` without the absent side."""
        sides = {"before": self.before, "after": self.after}
        return {"field": ".".join(self.path), **{name: side for name, side in sides.items() if side is not ABSENT}}


def strip_derived_fields(record: Any) -> Any:
    """Return the record without the derived section and without keys that start with "_".

    The registry has no such keys; programs that collect records add them.
    """
    if isinstance(record, dict) and DERIVED in record:
        record = {key: value for key, value in record.items() if key != DERIVED}
    return _strip_private_keys(record)


def diff_records(before: Any, after: Any) -> list[FieldChange]:
    """Return the changed fields in alphabetical order. Lists are compared as a whole."""
    return _list_field_changes((), before, after)


def _strip_private_keys(value: Any) -> Any:
    """Return the value without private keys; the same object if it has none, which is faster than a copy."""
    if isinstance(value, dict):
        inner = {key: _strip_private_keys(item) for key, item in value.items() if key[:1] != "_"}
        is_same = len(inner) == len(value) and all(map(operator.is_, inner.values(), value.values()))
        return value if is_same else inner
    if isinstance(value, list):
        if value and all(map(isinstance, value, itertools.repeat(str))):
            return value
        items = list(map(_strip_private_keys, value))
        return value if all(map(operator.is_, items, value)) else items
    return value


def _list_field_changes(path: tuple[str, ...], before: Any, after: Any) -> list[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            change
            for key in sorted(before.keys() | after.keys())
            for change in _list_field_changes((*path, key), before.get(key, ABSENT), after.get(key, ABSENT))
        ]
    return [] if _is_equal_json(before, after) else [FieldChange(path, before, after)]


def _is_equal_json(before: Any, after: Any) -> bool:
    # In Python 1 == True, in JSON not; 1 and 1.0 are the same number, and jsonb may return either.
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(_is_equal_json(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_is_equal_json, before, after))
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after
    return bool(before == after)
