"""The metadata that a run recorded with a score.

Pipelines can omit or misspell any of it, so every value is checked.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from ncfd_site.core.formatting import format_percent
from signals.models import Score

LONGEST = 300


@dataclass(frozen=True, slots=True)
class StopRule:
    """A rule that raises the probability to a minimum; `description` is its text."""

    name: str
    description: str
    at_least: Decimal | None

    @property
    def name_in_words(self) -> str:
        """The name as words."""
        return self.name.replace("_", " ")

    @property
    def percent(self) -> str:
        """The minimum probability in percent."""
        return "" if self.at_least is None else format_percent(self.at_least)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The inputs of a score; `has_signals` and `has_stop_rules` are True if the run recorded any."""

    table_version: str = ""
    as_of: str = ""
    prior_phase: str = ""
    severities: Mapping[str, str] = field(default_factory=dict)
    late: frozenset[str] = frozenset()
    not_fired: frozenset[str] = frozenset()
    not_evaluated: Mapping[str, str] = field(default_factory=dict)
    supporting: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stop_rules: tuple[StopRule, ...] = ()
    has_signals: bool = False
    has_stop_rules: bool = False


def run_record(metadata: Any) -> RunRecord:
    """Read the metadata of a score; unexpected values are ignored."""
    if not isinstance(metadata, Mapping):
        return RunRecord()
    prior = metadata.get("prior")
    signals = metadata.get("signals")
    rules = metadata.get("stop_rules")
    recorded = [metadata.get(key) for key in ("signals", "late", "not_fired", "not_evaluated")]
    return RunRecord(
        table_version=_text(metadata.get("table_version")),
        as_of=_text(metadata.get("as_of")),
        prior_phase=_text(prior.get("phase")) if isinstance(prior, Mapping) else "",
        severities=_severities(signals),
        late=frozenset(_codes(metadata.get("late"))),
        not_fired=frozenset(_codes(metadata.get("not_fired"))),
        not_evaluated=_reasons(metadata.get("not_evaluated")),
        supporting=_supporting(metadata.get("gates")),
        stop_rules=tuple(_rule(one) for one in rules) if isinstance(rules, list) else (),
        has_signals=any(isinstance(one, Mapping | list) for one in recorded),
        has_stop_rules=isinstance(rules, list),
    )


def _severities(signals: Any) -> dict[str, str]:
    if isinstance(signals, Mapping):
        return {_text(code): _severity(value) for code, value in signals.items()}
    return dict.fromkeys(_codes(signals), "")


def _severity(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("severity")
    return value if value in ("H", "M", "L") else ""


def _codes(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [_text(code) for code in value]
    return [_text(code) for code in value if isinstance(code, str)] if isinstance(value, list) else []


def _reasons(value: Any) -> dict[str, str]:
    if isinstance(value, Mapping):
        return {_text(code): _text(reason) for code, reason in value.items()}
    return dict.fromkeys(_codes(value), "")


def _supporting(gates: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(gates, Mapping):
        return {}
    return {
        _text(code): tuple(_codes(details.get("supporting_S_ids")))
        for code, details in gates.items()
        if isinstance(details, Mapping)
    }


def _rule(value: Any) -> StopRule:
    if not isinstance(value, Mapping):
        return StopRule(_text(value) or "unnamed", "", None)
    return StopRule(
        _text(value.get("rule")) or "unnamed", _text(value.get("description")), _share(value.get("p_fail_at_least"))
    )


def _share(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        share = Decimal(str(value))
    except (InvalidOperation, ValueError):
        return None
    return share if share.is_finite() and 0 <= share <= 1 else None


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)[:LONGEST]


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


def with_unread_metadata(scores: QuerySet[Score]) -> QuerySet[Score]:
    """Return the scores with their metadata as text for `read_metadata`."""
    return scores.defer("metadata").annotate(metadata_text=Cast("metadata", TextField()))


def read_metadata(scores: Iterable[Score]) -> list[Score]:
    """Read the metadata of scores `with_unread_metadata`; None if its JSON is unreadable."""
    found = list(scores)
    for score in found:
        score.metadata = read_json(getattr(score, "metadata_text", None)).value
    return found


def with_readable_metadata(scores: QuerySet[Score]) -> list[Score]:
    """Return the scores; unreadable metadata become None."""
    return read_metadata(with_unread_metadata(scores))
