"""Whether a stored score is what its own metadata, the table and the formulas say it is."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from signals.queries import recorded_ratios
from signals.running.values import Difference, gate_of, listed, number_in, severities_in, shown
from signals.scoring import (
    GATES,
    LOGIT,
    LOOKS_AT,
    MOST_LOGIT,
    PROBABILITY,
    SIGNALS,
    Posterior,
    fires,
    logit,
    posterior,
    probability,
)
from signals.scoring_table import ScoringTable

COLUMNS = ("prior_pi", "logit_prior", "sum_log_lr", "logit_post", "p_fail")


@dataclass(frozen=True, slots=True)
class StoredScore:
    """A row of `scores`, as far as it is checked."""

    prior_pi: Decimal
    logit_prior: Decimal
    sum_log_lr: Decimal
    logit_post: Decimal
    p_fail: Decimal
    features_frozen_at: datetime | None
    scored_at: datetime
    metadata: Any


def differences_of_score(stored: StoredScore, table: ScoringTable) -> Iterator[Difference]:
    """What is wrong with a score. One without metadata is held against the formulas alone."""
    if stored.features_frozen_at is not None and stored.features_frozen_at > stored.scored_at:
        yield Difference("features_frozen_at", str(stored.features_frozen_at), f"at most {stored.scored_at}")
    ratios, prior = recorded_ratios(stored.metadata), _prior(stored.metadata)
    if ratios is None or prior is None:
        yield from _by_formulas(stored, _floor(stored.metadata), ratios)
        return
    expected = _posterior(prior, tuple(ratios.values()), _floor(stored.metadata))
    for name in COLUMNS:
        was, should = getattr(stored, name), getattr(expected, name)
        if was != should:
            yield Difference(name, str(was), str(should))
    yield from _metadata(stored.metadata, ratios, prior, table)


# Millions of rows share few of these.
@lru_cache(maxsize=4096)
def _posterior(prior: Decimal, ratios: tuple[Decimal, ...], floor: Decimal | None) -> Posterior:
    return posterior(prior, ratios, at_least=floor)


def _by_formulas(
    stored: StoredScore, floor: Decimal | None, ratios: Mapping[str, Decimal] | None
) -> Iterator[Difference]:
    """The columns against each other, as far as their rounding lets them tell."""
    half = PROBABILITY / 2
    low, high = (
        logit(min(max(stored.prior_pi + step, Decimal("0.000001")), Decimal("0.999999"))) for step in (-half, half)
    )
    if not low - LOGIT <= stored.logit_prior <= high + LOGIT:
        yield Difference("logit_prior", str(stored.logit_prior), f"about {logit(_inside(stored.prior_pi)):.6f}")
    if ratios is not None:
        total = posterior(stored.prior_pi, ratios.values()).sum_log_lr
        if abs(total - stored.sum_log_lr) > 5 * LOGIT:
            yield Difference("sum_log_lr", str(stored.sum_log_lr), str(total))
    total = min(max(stored.logit_prior + stored.sum_log_lr, -MOST_LOGIT), MOST_LOGIT)
    if abs(total - stored.logit_post) > 2 * LOGIT:
        yield Difference("logit_post", str(stored.logit_post), str(total))
    chance = probability(stored.logit_post)
    least = max(chance, floor) if floor is not None else chance
    raised = floor is None and stored.p_fail == Decimal("0.97") > chance
    if abs(stored.p_fail - least) > PROBABILITY and not raised:
        yield Difference("p_fail", str(stored.p_fail), f"{least:.5f}")


def _metadata(
    metadata: Mapping[str, Any], ratios: Mapping[str, Decimal], prior: Decimal, table: ScoringTable
) -> Iterator[Difference]:
    saw = severities_in(metadata.get("signals"))
    if saw is not None:
        fired = [code for code in GATES if fires(code, saw.keys())]
        if sorted(ratios) != fired:
            yield Difference("metadata.gates", listed(sorted(ratios)), listed(fired))
    if metadata.get("table_version") != table.version:
        return
    phase = metadata["prior"].get("phase")
    if prior != table.priors.get(str(phase)):
        yield Difference("metadata.prior", f"{prior} for {phase}", shown(table.priors.get(str(phase))))
    if saw is not None:
        yield from _ratios(ratios, saw)
    parts = ("signals", "late", "not_fired", "not_evaluated")
    told = sorted(str(code) for part in parts for code in _items(metadata.get(part)))
    if told != list(SIGNALS):
        yield Difference("metadata.signals", listed(told), f"each of {listed(SIGNALS)} once")
    for rule in _items(metadata.get("stop_rules")):
        if not isinstance(rule, Mapping) or str(rule.get("rule")) not in table.rules:
            yield Difference("metadata.stop_rules", str(rule), f"one of {', '.join(table.rules)}")


def _ratios(ratios: Mapping[str, Decimal], saw: Mapping[str, str]) -> Iterator[Difference]:
    for code, ratio in ratios.items():
        if code in GATES:
            should = gate_of(code, tuple((one, saw[one]) for one in LOOKS_AT[code] if one in saw)).ratio
            if ratio != should:
                yield Difference(f"metadata.gates.{code}", shown(ratio), shown(should))


def _items(value: Any) -> Iterable[Any]:
    return value if isinstance(value, Mapping | list) else ()


def _prior(metadata: Any) -> Decimal | None:
    prior = metadata.get("prior") if isinstance(metadata, Mapping) else None
    return number_in(prior.get("value")) if isinstance(prior, Mapping) else None


def _floor(metadata: Any) -> Decimal | None:
    rules = metadata.get("stop_rules") if isinstance(metadata, Mapping) else None
    if not isinstance(rules, list):
        return None
    floors = [number_in(rule.get("p_fail_at_least")) for rule in rules if isinstance(rule, Mapping)]
    return max((floor for floor in floors if floor is not None), default=None)


def _inside(chance: Decimal) -> Decimal:
    return min(max(chance, PROBABILITY), 1 - PROBABILITY)
