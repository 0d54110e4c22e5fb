"""The metadata that a run recorded with a score, and the causes of a change between two runs.

Pipelines can omit or misspell any of it, so every value is checked.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from ncfd_site.core.formatting import format_number, format_percent
from signals.models import Score
from signals.queries import read_recorded_ratios

LONGEST = 300


@dataclass(frozen=True, slots=True)
class StopRule:
    """A rule that raises the probability to a minimum; `description` is its text."""

    name: str
    description: str
    at_least: Decimal | None


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


def read_run_record(metadata: Any) -> RunRecord:
    """Parse the metadata of a score; unexpected values are skipped."""
    if not isinstance(metadata, Mapping):
        return RunRecord()
    prior, signals, gates, rules = (metadata.get(key) for key in ("prior", "signals", "gates", "stop_rules"))
    recorded = [signals, *(metadata.get(key) for key in ("late", "not_fired", "not_evaluated"))]
    return RunRecord(
        table_version=_read_text(metadata.get("table_version")),
        as_of=_read_text(metadata.get("as_of")),
        prior_phase=_read_text(prior.get("phase")) if isinstance(prior, Mapping) else "",
        severities={code: _read_severity(value) for code, value in _map_codes(signals).items()},
        late=frozenset(_read_codes(metadata.get("late"))),
        not_fired=frozenset(_read_codes(metadata.get("not_fired"))),
        not_evaluated={code: _read_text(reason) for code, reason in _map_codes(metadata.get("not_evaluated")).items()},
        supporting={
            code: tuple(_read_codes(details.get("supporting_S_ids")))
            for code, details in _map_codes(gates).items()
            if isinstance(details, Mapping)
        },
        stop_rules=tuple(_read_stop_rule(one) for one in rules) if isinstance(rules, list) else (),
        has_signals=any(isinstance(one, Mapping | list) for one in recorded),
        has_stop_rules=isinstance(rules, list),
    )


def _map_codes(value: Any) -> dict[str, Any]:
    """Return an object by the code of a signal or gate; a list of codes has "" for each."""
    if isinstance(value, Mapping):
        return {_read_text(code): inner for code, inner in value.items()}
    return dict.fromkeys(_read_codes(value), "")


def _read_severity(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("severity")
    return value if value in ("H", "M", "L") else ""


def _read_codes(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [_read_text(code) for code in value]
    return [_read_text(code) for code in value if isinstance(code, str)] if isinstance(value, list) else []


def _read_stop_rule(value: Any) -> StopRule:
    if not isinstance(value, Mapping):
        return StopRule(_read_text(value) or "unnamed", "", None)
    floor = value.get("p_fail_at_least")
    try:
        share = Decimal(str(floor)) if isinstance(floor, int | float | str) and not isinstance(floor, bool) else None
    except (InvalidOperation, ValueError):
        share = None
    is_share = share is not None and share.is_finite() and 0 <= share <= 1
    code, description = _read_text(value.get("rule")), _read_text(value.get("description"))
    return StopRule(code or "unnamed", description, share if is_share else None)


def _read_text(value: Any) -> str:
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
    """Parse JSON text from the database; None gives the value None."""
    if text is None:
        return ReadJson(None, "", True)
    cut = text if len(text) <= LONGEST_RAW else f"{text[:LONGEST_RAW]}\u2026"
    try:
        value = json.loads(text)
    except (RecursionError, ValueError):
        return ReadJson(None, cut, False)
    if _measure_depth(value) > MAX_DEPTH:
        return ReadJson(None, cut, False)
    return ReadJson(value, cut, True)


def _measure_depth(value: Any) -> int:
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
    """Return a queryset that reads the metadata of scores as text, for `read_metadata`."""
    return scores.defer("metadata").annotate(metadata_text=Cast("metadata", TextField()))


def read_metadata(scores: Iterable[Score]) -> list[Score]:
    """Parse the metadata of scores from `with_unread_metadata`; unreadable JSON becomes None."""
    found = list(scores)
    for score in found:
        score.metadata = read_json(getattr(score, "metadata_text", None)).value
    return found


def with_readable_metadata(scores: QuerySet[Score]) -> list[Score]:
    """Return the scores with their metadata; unreadable JSON becomes None."""
    return read_metadata(with_unread_metadata(scores))


def explain_change(earlier: Score, later: Score) -> list[str]:
    """Return the causes of the change between two scores of a trial, in words, or a note that it is unexplained.

    Values that a run did not record are not compared.
    """
    causes = _list_gate_causes(earlier, later)
    if earlier.prior_pi != later.prior_pi:
        causes.append(f"prior {format_percent(earlier.prior_pi)} became {format_percent(later.prior_pi)}")
    then, now = _read_stop_rule_names(earlier.metadata) or set(), _read_stop_rule_names(later.metadata)
    if now is not None:
        causes += [f"stop rule {name} holds" for name in sorted(now - then)]
        causes += [f"stop rule {name} holds no longer" for name in sorted(then - now)]
    if earlier.p_fail == later.p_fail:
        return causes
    before, after = (read_run_record(score.metadata).table_version for score in (earlier, later))
    if before and after and before != after:
        causes.append(f"table {before} became {after}")
    return causes or ["not explained by the recorded data"]


def _list_gate_causes(earlier: Score, later: Score) -> list[str]:
    then, now = read_recorded_ratios(earlier.metadata), read_recorded_ratios(later.metadata)
    if then is None or now is None:
        # A run that recorded none may have had any.
        silent = [score.run_id for score, gates in ((earlier, then), (later, now)) if gates is None]
        return [] if len(silent) > 1 else [f"gates not compared: {silent[0]} recorded none"]
    causes = [f"{code} fired" for code in sorted(now.keys() - then.keys())]
    causes += [f"{code} cleared" for code in sorted(then.keys() - now.keys())]
    for code in sorted(now.keys() & then.keys()):
        if now[code] != then[code]:
            causes.append(f"{code} ratio {format_number(then[code])} became {format_number(now[code])}")
    return causes


def _read_stop_rule_names(metadata: Any) -> set[str] | None:
    rules = metadata.get("stop_rules") if isinstance(metadata, Mapping) else None
    if not isinstance(rules, list):
        return None
    return {str(rule["rule"]).replace("_", " ") for rule in rules if isinstance(rule, Mapping) and "rule" in rule}
