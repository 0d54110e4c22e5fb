"""What changed between two versions of a registry record."""

from dataclasses import dataclass
from typing import Any

from signals.loading.fields import Json

# Computed by the registry from the record and from MeSH, anew each day (versionHolder) or year: no change of the trial.
DERIVED = "derivedSection"


class Absent:
    """Stands for a field that is not there, which null is not."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs: the names that lead to it, and its value before and after (or ABSENT)."""

    path: tuple[str, ...]
    before: Any
    after: Any

    def as_json(self) -> Json:
        """`{"field": "a.b", "before": ..., "after": ...}`; a side that is absent is left out."""
        sides = {"before": self.before, "after": self.after}
        return {"field": ".".join(self.path), **{name: side for name, side in sides.items() if side is not ABSENT}}


def strip_derived_fields(record: Any) -> Any:
    """The record without what says nothing of the trial: the derived section, and keys that begin with "_".

    The registry has no such keys; those who collect records add them.
    """
    if isinstance(record, dict):
        return _own({key: value for key, value in record.items() if key != DERIVED})
    return _own(record)


def diff_records(before: Any, after: Any) -> list[FieldChange]:
    """The fields that differ, in alphabetical order. Lists are compared whole: their items have no names."""
    return _changes((), before, after)


def _own(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _own(inner) for key, inner in value.items() if not key.startswith("_")}
    if isinstance(value, list):
        return [_own(inner) for inner in value]
    return value


def _changes(path: tuple[str, ...], before: Any, after: Any) -> list[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            change
            for key in sorted(before.keys() | after.keys())
            for change in _changes((*path, key), before.get(key, ABSENT), after.get(key, ABSENT))
        ]
    return [] if _same(before, after) else [FieldChange(path, before, after)]


def _same(before: Any, after: Any) -> bool:
    # To Python 1 equals True, to JSON it does not. 1 and 1.0 are one number, and jsonb may give either back.
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(_same(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after
    return bool(before == after)
