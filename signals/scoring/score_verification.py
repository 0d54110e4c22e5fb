"""Verification of a stored score against its metadata, the scoring table and the formulas."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

from signals.formulas import (
    GATES,
    LOGIT,
    MAX_LOGIT,
    PROBABILITY,
    SIGNALS,
    compute_posterior,
    gate_fires,
    logit,
    probability,
)
from signals.queries import read_recorded_ratios
from signals.scoring.inputs import select_gate_inputs
from signals.scoring.table import ScoringTable, scoring_table
from signals.scoring.values import (
    CACHE_SIZE,
    MISSING,
    Difference,
    compute_gate,
    format_codes,
    format_number,
    parse_codes,
    parse_number,
    parse_severities,
    parse_text,
    read_json,
)

COLUMNS = ("prior_pi", "logit_prior", "sum_log_lr", "logit_post", "p_fail")
Columns = tuple[Decimal, ...]
# Keys that score_trials writes.
_KEYS = ("table_version", "as_of", "prior", "signals", "late", "gates", "not_fired", "not_evaluated", "stop_rules")


# Stop rules of scores without recorded rules raise to this floor.
CONTRACT_FLOOR = Decimal("0.97")


@dataclass(frozen=True, slots=True)
class StoredScore:
    """A row of `scores`: the values of `COLUMNS`, the times, and `metadata` as JSON text."""

    columns: Columns
    features_frozen_at: datetime | None
    scored_at: datetime
    metadata: str


@dataclass(frozen=True, slots=True)
class RecordedScore:
    """Content of a score's metadata.

    `is_complete`: it has every key that score_trials writes. `expected` are the values of `COLUMNS` that follow from
    it, None without prior or gates. `differences` are its internal errors.
    """

    version: str | None
    is_complete: bool
    is_from_current_table: bool
    as_of: str | None
    signals: Mapping[str, str] | None
    late: tuple[str, ...]
    not_fired: tuple[str, ...]
    gates: frozenset[str] | None
    ratios: tuple[Decimal, ...] | None
    floor: Decimal | None
    expected: Columns | None
    differences: tuple[Difference, ...]


def find_score_differences(stored: StoredScore, now: datetime) -> Iterator[Difference]:
    """Yield the wrong values of a score. Without usable metadata only the formulas between its columns are checked."""
    recorded = read_recorded_score(stored.metadata)
    frozen_at = stored.features_frozen_at
    if frozen_at is not None and frozen_at > stored.scored_at:
        yield Difference("features_frozen_at", str(frozen_at), f"at most {stored.scored_at}")
    if stored.scored_at > now:
        yield Difference("scored_at", str(stored.scored_at), "a time in the past")
    if recorded.is_from_current_table:
        yield from _check_times(stored, recorded)
    if recorded.expected is None:
        yield from _check_formulas(stored.columns, recorded.floor, recorded.ratios)
    elif stored.columns != recorded.expected:
        for name, value, expected in zip(COLUMNS, stored.columns, recorded.expected, strict=True):
            if value != expected:
                yield Difference(name, str(value), str(expected))
    yield from recorded.differences


def _check_times(stored: StoredScore, recorded: RecordedScore) -> Iterator[Difference]:
    """Yield what is wrong with the time of the score, which is its date, and with the date that freezes its signals."""
    frozen_at = stored.features_frozen_at
    if frozen_at is None and recorded.late:
        yield Difference("features_frozen_at", MISSING, f"a date before {format_codes(recorded.late)} fired")
    if frozen_at is not None and frozen_at <= stored.scored_at and frozen_at.astimezone(UTC).time() != time():
        yield Difference("features_frozen_at", str(frozen_at), "a date at 00:00 UTC")
    if recorded.as_of is not None:
        try:
            day = date.fromisoformat(recorded.as_of)
        except ValueError:
            yield Difference("metadata.as_of", recorded.as_of, "a date")
            return
        if stored.scored_at != datetime.combine(day, time(), UTC):
            yield Difference("scored_at", str(stored.scored_at), f"{day} 00:00 UTC, the date of the run")


@lru_cache(maxsize=CACHE_SIZE)
def _check_formulas(
    columns: Columns, floor: Decimal | None, ratios: tuple[Decimal, ...] | None
) -> tuple[Difference, ...]:
    """Compare the columns with each other, within their rounding."""
    prior_pi, logit_prior, sum_log_lr, logit_post, p_fail = columns
    differences = []
    half = PROBABILITY / 2
    low, high = (logit(min(max(prior_pi + step, Decimal("0.000001")), Decimal("0.999999"))) for step in (-half, half))
    if not low - LOGIT <= logit_prior <= high + LOGIT:
        prior = min(max(prior_pi, PROBABILITY), 1 - PROBABILITY)
        differences.append(Difference("logit_prior", str(logit_prior), f"about {logit(prior):.6f}"))
    if ratios is not None:
        total = compute_posterior(prior_pi, ratios).sum_log_lr
        if abs(total - sum_log_lr) > 5 * LOGIT:
            differences.append(Difference("sum_log_lr", str(sum_log_lr), str(total)))
    total = min(max(logit_prior + sum_log_lr, -MAX_LOGIT), MAX_LOGIT)
    if abs(total - logit_post) > 2 * LOGIT:
        differences.append(Difference("logit_post", str(logit_post), str(total)))
    chance = probability(logit_post)
    expected = max(chance, floor) if floor is not None else chance
    is_raised = floor is None and p_fail == CONTRACT_FLOOR > chance
    if abs(p_fail - expected) > PROBABILITY and not is_raised:
        differences.append(Difference("p_fail", str(p_fail), f"{expected:.5f}"))
    return tuple(differences)


@lru_cache(maxsize=CACHE_SIZE)
def read_recorded_score(metadata: str) -> RecordedScore:
    """Read the metadata of a score from JSON text."""
    value = read_json(metadata)
    raw = value if isinstance(value, Mapping) else {}
    table = scoring_table()
    ratios, floor = read_recorded_ratios(raw), _find_highest_floor(raw)
    prior = parse_number(raw["prior"].get("value")) if isinstance(raw.get("prior"), Mapping) else None
    expected = None
    if ratios is not None and prior is not None:
        posterior = compute_posterior(prior, ratios.values(), at_least=floor)
        expected = tuple(getattr(posterior, name) for name in COLUMNS)
    is_from_current_table = raw.get("table_version") == table.version
    differences = [*_check_fired_gates(raw, ratios)]
    if is_from_current_table:
        differences += _check_metadata(raw, ratios or {}, prior, table)
    return RecordedScore(
        version=parse_text(raw.get("table_version")),
        is_complete=all(key in raw for key in _KEYS),
        is_from_current_table=is_from_current_table,
        as_of=parse_text(raw.get("as_of")),
        signals=parse_severities(raw.get("signals")),
        late=parse_codes(raw.get("late")),
        not_fired=parse_codes(raw.get("not_fired")),
        gates=None if ratios is None else frozenset(ratios),
        ratios=None if ratios is None else tuple(ratios.values()),
        floor=floor,
        expected=expected,
        differences=tuple(differences),
    )


def _check_fired_gates(raw: Mapping[str, Any], ratios: Mapping[str, Decimal] | None) -> Iterator[Difference]:
    """Compare the fired gates with the signals; valid for every table."""
    severities = parse_severities(raw.get("signals"))
    if severities is not None and ratios is not None:
        expected = [code for code in GATES if gate_fires(code, severities.keys())]
        if sorted(ratios) != expected:
            yield Difference("metadata.gates", format_codes(sorted(ratios)), format_codes(expected))


def _check_metadata(
    raw: Mapping[str, Any], ratios: Mapping[str, Decimal], prior: Decimal | None, table: ScoringTable
) -> Iterator[Difference]:
    """Compare metadata of the current table with what score_trials writes."""
    for key in _KEYS:
        if key not in raw:
            yield Difference(f"metadata.{key}", MISSING, "a value")
    if raw.get("as_of") is not None and not isinstance(raw["as_of"], str):
        yield Difference("metadata.as_of", str(raw["as_of"]), "a date")
    if "prior" in raw:
        phase = raw["prior"].get("phase") if isinstance(raw["prior"], Mapping) else None
        expected = table.priors.get(str(phase))
        if prior is None or prior != expected:
            yield Difference("metadata.prior", f"{format_number(prior)} for {phase}", format_number(expected))
    if "gates" in raw:
        yield from _check_gates(raw["gates"], ratios, parse_severities(raw.get("signals")) or {})
    lists = ("signals", "late", "not_fired", "not_evaluated")
    codes = sorted(str(code) for name in lists for code in _get_items(raw.get(name)))
    if codes != list(SIGNALS):
        yield Difference("metadata.signals", format_codes(codes), f"each of {format_codes(SIGNALS)} once")
    elif len(parse_severities(raw.get("signals")) or {}) != len(_get_items(raw.get("signals"))):
        yield Difference("metadata.signals", str(raw.get("signals")), "H, M or L for each signal")
    if "stop_rules" in raw:
        yield from _check_stop_rules(raw["stop_rules"], table)


def _check_gates(gates: Any, ratios: Mapping[str, Decimal], severities: Mapping[str, str]) -> Iterator[Difference]:
    if not isinstance(gates, Mapping):
        yield Difference("metadata.gates", str(gates), "an object of gates")
        return
    for code in (code for code in GATES if code in gates):
        expected = compute_gate(select_gate_inputs(code, severities))
        if not expected.fired:
            # Reported by _check_fired_gates.
            continue
        if ratios.get(code) != expected.ratio:
            yield Difference(f"metadata.gates.{code}", format_number(ratios.get(code)), format_number(expected.ratio))
        supporting = gates[code].get("supporting_S_ids") if isinstance(gates[code], Mapping) else None
        is_equal = sorted(parse_codes(supporting)) == sorted(expected.supporting)
        if not is_equal or len(_get_items(supporting)) != len(expected.supporting):
            column = f"metadata.gates.{code}.supporting_S_ids"
            yield Difference(column, format_codes(map(str, _get_items(supporting))), format_codes(expected.supporting))


def _check_stop_rules(rules: Any, table: ScoringTable) -> Iterator[Difference]:
    if not isinstance(rules, list):
        yield Difference("metadata.stop_rules", str(rules), "a list")
        return
    seen = set()
    for rule in rules:
        code = str(rule.get("rule")) if isinstance(rule, Mapping) else ""
        known = table.rules.get(code)
        if known is None or code in seen:
            yield Difference("metadata.stop_rules", str(rule), f"one of {', '.join(table.rules)}, once")
            continue
        seen.add(code)
        column, floor = f"metadata.stop_rules.{code}", parse_number(rule.get("p_fail_at_least"))
        if floor != table.floor:
            yield Difference(f"{column}.p_fail_at_least", format_number(floor), format_number(table.floor))
        if rule.get("description") != known.description:
            yield Difference(f"{column}.description", str(rule.get("description") or MISSING), known.description)


def _get_items(value: Any) -> Collection[Any]:
    return value if isinstance(value, Mapping | list) else ()


def _find_highest_floor(raw: Mapping[str, Any]) -> Decimal | None:
    rules = raw.get("stop_rules")
    if not isinstance(rules, list):
        return None
    floors = [parse_number(rule.get("p_fail_at_least")) for rule in rules if isinstance(rule, Mapping)]
    return max((floor for floor in floors if floor is not None and 0 <= floor <= 1), default=None)
