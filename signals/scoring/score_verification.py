"""Whether a stored score is what its own metadata, the table and the formulas say it is."""

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
    fires,
    logit,
    posterior,
    probability,
)
from signals.queries import read_recorded_ratios
from signals.scoring.table import ScoringTable, StopRule, scoring_table
from signals.scoring.values import (
    CACHE_SIZE,
    MISSING,
    Difference,
    expected_gate,
    format_codes,
    format_number,
    parse_codes,
    parse_number,
    parse_severities,
    read_json,
    select_gate_inputs,
)

COLUMNS = ("prior_pi", "logit_prior", "sum_log_lr", "logit_post", "p_fail")
# What score_trials writes into the metadata of each score.
_KEYS = (
    "table_version",
    "as_of",
    "prior",
    "signals",
    "late",
    "gates",
    "not_fired",
    "not_evaluated",
    "stop_rules",
)
Columns = tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class StoredScore:
    """A row of `scores`, as far as it is checked: the five numbers in the order of `COLUMNS`, `metadata` as text."""

    columns: Columns
    features_frozen_at: datetime | None
    scored_at: datetime
    metadata: str


@dataclass(frozen=True, slots=True)
class RecordedScore:
    """What the metadata of a score tell; all scores that hold the same share it.

    `expected` are the five numbers that follow from them, None where they tell no prior or no gates; `differences` what
    is wrong with them by themselves. `is_whole`: they hold all that score_trials writes. `is_ours`: they name the table
    of today.
    """

    version: str | None
    is_whole: bool
    is_ours: bool
    as_of: str | None
    signals: Mapping[str, str] | None
    late: tuple[str, ...]
    not_fired: tuple[str, ...]
    gates: frozenset[str] | None
    ratios: tuple[Decimal, ...] | None
    floor: Decimal | None
    expected: Columns | None
    differences: tuple[Difference, ...]


@lru_cache(maxsize=CACHE_SIZE)
def read_recorded_score(metadata: str) -> RecordedScore:
    """Read the metadata of a score, given as text."""
    value = read_json(metadata)
    told = value if isinstance(value, Mapping) else {}
    table = scoring_table()
    ratios, prior, floor = read_recorded_ratios(told), _prior(told), _floor(told)
    expected = None
    if ratios is not None and prior is not None:
        found = posterior(prior, ratios.values(), at_least=floor)
        expected = tuple(getattr(found, name) for name in COLUMNS)
    is_ours = told.get("table_version") == table.version
    differences = [*_fired(told, ratios)]
    if is_ours:
        differences += _metadata(told, ratios or {}, prior, table)
    return RecordedScore(
        version=_text(told.get("table_version")),
        is_whole=all(key in told for key in _KEYS),
        is_ours=is_ours,
        as_of=_text(told.get("as_of")),
        signals=parse_severities(told.get("signals")),
        late=parse_codes(told.get("late")),
        not_fired=parse_codes(told.get("not_fired")),
        gates=None if ratios is None else frozenset(ratios),
        ratios=None if ratios is None else tuple(ratios.values()),
        floor=floor,
        expected=expected,
        differences=tuple(differences),
    )


def find_score_differences(stored: StoredScore, now: datetime) -> Iterator[Difference]:
    """What is wrong with a score at the moment `now`. One without metadata is held against the formulas alone."""
    told = read_recorded_score(stored.metadata)
    frozen_at = stored.features_frozen_at
    if frozen_at is not None and frozen_at > stored.scored_at:
        yield Difference("features_frozen_at", str(frozen_at), f"at most {stored.scored_at}")
    if stored.scored_at > now:
        yield Difference("scored_at", str(stored.scored_at), "a moment of the past")
    if told.is_ours:
        yield from _moments(stored, told)
    if told.expected is None:
        yield from _by_formulas(stored.columns, told.floor, told.ratios)
    elif stored.columns != told.expected:
        for name, was, should in zip(COLUMNS, stored.columns, told.expected, strict=True):
            if was != should:
                yield Difference(name, str(was), str(should))
    yield from told.differences


def _moments(stored: StoredScore, told: RecordedScore) -> Iterator[Difference]:
    frozen_at = stored.features_frozen_at
    if frozen_at is None and told.late:
        yield Difference("features_frozen_at", MISSING, f"a day, since {format_codes(told.late)} came after it")
    if frozen_at is not None and frozen_at <= stored.scored_at and frozen_at.astimezone(UTC).time() != time():
        yield Difference("features_frozen_at", str(frozen_at), "a day at 00:00 UTC")
    if told.as_of is not None:
        day = _day(told.as_of)
        if day is None:
            yield Difference("metadata.as_of", told.as_of, "a day")
        elif stored.scored_at != datetime.combine(day, time(), UTC):
            yield Difference("scored_at", str(stored.scored_at), f"{day} 00:00 UTC, the day that the run is of")


@lru_cache(maxsize=CACHE_SIZE)
def _by_formulas(columns: Columns, floor: Decimal | None, ratios: tuple[Decimal, ...] | None) -> tuple[Difference, ...]:
    """The columns against each other, as far as their rounding lets them tell."""
    prior_pi, logit_prior, sum_log_lr, logit_post, p_fail = columns
    found = []
    half = PROBABILITY / 2
    low, high = (logit(min(max(prior_pi + step, Decimal("0.000001")), Decimal("0.999999"))) for step in (-half, half))
    if not low - LOGIT <= logit_prior <= high + LOGIT:
        found.append(Difference("logit_prior", str(logit_prior), f"about {logit(_inside(prior_pi)):.6f}"))
    if ratios is not None:
        total = posterior(prior_pi, ratios).sum_log_lr
        if abs(total - sum_log_lr) > 5 * LOGIT:
            found.append(Difference("sum_log_lr", str(sum_log_lr), str(total)))
    total = min(max(logit_prior + sum_log_lr, -MAX_LOGIT), MAX_LOGIT)
    if abs(total - logit_post) > 2 * LOGIT:
        found.append(Difference("logit_post", str(logit_post), str(total)))
    chance = probability(logit_post)
    least = max(chance, floor) if floor is not None else chance
    raised = floor is None and p_fail == Decimal("0.97") > chance
    if abs(p_fail - least) > PROBABILITY and not raised:
        found.append(Difference("p_fail", str(p_fail), f"{least:.5f}"))
    return tuple(found)


def _fired(told: Mapping[str, Any], ratios: Mapping[str, Decimal] | None) -> Iterator[Difference]:
    """The gates that fired against the signals, whatever table it was."""
    saw = parse_severities(told.get("signals"))
    if saw is not None and ratios is not None:
        fired = [code for code in GATES if fires(code, saw.keys())]
        if sorted(ratios) != fired:
            yield Difference("metadata.gates", format_codes(sorted(ratios)), format_codes(fired))


def _metadata(
    told: Mapping[str, Any], ratios: Mapping[str, Decimal], prior: Decimal | None, table: ScoringTable
) -> Iterator[Difference]:
    """All that score_trials writes by the table of today."""
    for key in _KEYS:
        if key not in told:
            yield Difference(f"metadata.{key}", MISSING, "to be there")
    if told.get("as_of") is not None and not isinstance(told["as_of"], str):
        yield Difference("metadata.as_of", str(told["as_of"]), "a day")
    if "prior" in told:
        phase = told["prior"].get("phase") if isinstance(told["prior"], Mapping) else None
        should = table.priors.get(str(phase))
        if prior is None or prior != should:
            yield Difference("metadata.prior", f"{format_number(prior)} for {phase}", format_number(should))
    if "gates" in told:
        yield from _gates(told["gates"], ratios, parse_severities(told.get("signals")) or {})
    parts = ("signals", "late", "not_fired", "not_evaluated")
    codes = sorted(str(code) for part in parts for code in _items(told.get(part)))
    if codes != list(SIGNALS):
        yield Difference("metadata.signals", format_codes(codes), f"each of {format_codes(SIGNALS)} once")
    elif len(parse_severities(told.get("signals")) or {}) != len(_items(told.get("signals"))):
        yield Difference("metadata.signals", str(told.get("signals")), "H, M or L for each signal")
    if "stop_rules" in told:
        yield from _stop_rules(told["stop_rules"], table)


def _gates(gates: Any, ratios: Mapping[str, Decimal], saw: Mapping[str, str]) -> Iterator[Difference]:
    if not isinstance(gates, Mapping):
        yield Difference("metadata.gates", str(gates), "an object of gates")
        return
    for code in (code for code in GATES if code in gates):
        should = expected_gate(select_gate_inputs(code, saw))
        if not should.fired:
            # Named among the gates that fired already.
            continue
        if ratios.get(code) != should.ratio:
            yield Difference(f"metadata.gates.{code}", format_number(ratios.get(code)), format_number(should.ratio))
        supporting = gates[code].get("supporting_S_ids") if isinstance(gates[code], Mapping) else None
        if sorted(parse_codes(supporting)) != sorted(should.supporting) or len(_items(supporting)) != len(
            should.supporting
        ):
            named = format_codes(map(str, _items(supporting)))
            yield Difference(f"metadata.gates.{code}.supporting_S_ids", named, format_codes(should.supporting))


def _stop_rules(told: Any, table: ScoringTable) -> Iterator[Difference]:
    """Each rule is one of the table, once, and stands there as the table has it."""
    if not isinstance(told, list):
        yield Difference("metadata.stop_rules", str(told), "a list")
        return
    seen = set()
    for rule in told:
        code = str(rule.get("rule")) if isinstance(rule, Mapping) else ""
        known = table.rules.get(code)
        if known is None or code in seen:
            yield Difference("metadata.stop_rules", str(rule), f"one of {', '.join(table.rules)}, once")
        else:
            yield from _stop_rule(rule, known, table.floor)
        seen.add(code)


def _stop_rule(rule: Mapping[str, Any], known: StopRule, floor: Decimal) -> Iterator[Difference]:
    least = parse_number(rule.get("p_fail_at_least"))
    if least != floor:
        yield Difference(
            f"metadata.stop_rules.{known.code}.p_fail_at_least", format_number(least), format_number(floor)
        )
    if rule.get("says") != known.says:
        yield Difference(f"metadata.stop_rules.{known.code}.says", str(rule.get("says") or MISSING), known.says)


def _items(value: Any) -> Collection[Any]:
    return value if isinstance(value, Mapping | list) else ()


def _prior(told: Mapping[str, Any]) -> Decimal | None:
    prior = told.get("prior")
    return parse_number(prior.get("value")) if isinstance(prior, Mapping) else None


def _floor(told: Mapping[str, Any]) -> Decimal | None:
    rules = told.get("stop_rules")
    if not isinstance(rules, list):
        return None
    floors = [parse_number(rule.get("p_fail_at_least")) for rule in rules if isinstance(rule, Mapping)]
    return max((floor for floor in floors if floor is not None and 0 <= floor <= 1), default=None)


def _inside(chance: Decimal) -> Decimal:
    return min(max(chance, PROBABILITY), 1 - PROBABILITY)


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said)
    except ValueError:
        return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
