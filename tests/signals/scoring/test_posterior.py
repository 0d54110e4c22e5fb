"""Arithmetic of scores, compared with the contract's formulas in floating point."""

from decimal import Decimal
from math import exp, isclose, log, prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.formulas import (
    LOGIT,
    PROBABILITY,
    compute_posterior,
    logit,
    probability,
)
from signals.scoring.table import scoring_table

STOPPED = scoring_table().floor

priors = st.decimals("-0.5", "1.5", allow_nan=False, places=6)
ratios = st.lists(st.decimals("0.0", "40", allow_nan=False, places=4), max_size=6)


@given(priors, ratios, st.booleans())
def test_posterior_follows_the_formulas(prior: Decimal, given_ratios: list[Decimal], stopped: bool) -> None:
    found = compute_posterior(prior, given_ratios, at_least=STOPPED if stopped else None)
    pi = float(found.prior_pi)
    assert isclose(pi, min(max(float(prior), 0.01), 0.99), abs_tol=1e-5)
    total = sum(log(min(max(float(ratio), 0.25), 10)) for ratio in given_ratios)
    logit = min(max(log(pi / (1 - pi)) + total, -8), 8)
    p = 1 / (1 + exp(-logit))
    assert isclose(float(found.logit_prior), log(pi / (1 - pi)), abs_tol=1e-6)
    assert isclose(float(found.sum_log_lr), total, abs_tol=1e-6)
    assert isclose(float(found.logit_post), logit, abs_tol=1e-6)
    assert isclose(float(found.p_fail), max(p, 0.97) if stopped else p, abs_tol=1e-5)


@given(priors, ratios)
def test_stop_rule_raises_to_its_floor_and_never_lowers(prior: Decimal, given_ratios: list[Decimal]) -> None:
    without, with_it = compute_posterior(prior, given_ratios), compute_posterior(prior, given_ratios, at_least=STOPPED)
    assert with_it.p_fail == max(without.p_fail, STOPPED)
    assert (with_it.logit_post, with_it.sum_log_lr) == (without.logit_post, without.sum_log_lr)


@given(priors, ratios, st.decimals("1", "10", places=3))
def test_ratio_above_one_never_lowers_the_score(prior: Decimal, given_ratios: list[Decimal], more: Decimal) -> None:
    assert compute_posterior(prior, [*given_ratios, more]).p_fail >= compute_posterior(prior, given_ratios).p_fail


@given(priors, ratios, st.integers(0, 5), st.decimals("0", "5", places=3))
def test_larger_ratio_never_lowers_the_score(
    prior: Decimal, given_ratios: list[Decimal], place: int, more: Decimal
) -> None:
    if not given_ratios:
        return
    raised = [*given_ratios]
    raised[place % len(raised)] += more
    assert compute_posterior(prior, raised).p_fail >= compute_posterior(prior, given_ratios).p_fail


@given(priors, priors, ratios)
def test_larger_prior_never_lowers_the_score(one: Decimal, other: Decimal, given_ratios: list[Decimal]) -> None:
    low, high = sorted([one, other])
    assert compute_posterior(low, given_ratios).p_fail <= compute_posterior(high, given_ratios).p_fail


@given(priors, ratios, st.randoms())
def test_order_of_gates_does_not_matter(prior: Decimal, given_ratios: list[Decimal], random: Any) -> None:
    shuffled = [*given_ratios]
    random.shuffle(shuffled)
    assert compute_posterior(prior, shuffled) == compute_posterior(prior, given_ratios)


@given(priors, ratios)
def test_parts_add_up_within_their_rounding(prior: Decimal, given_ratios: list[Decimal]) -> None:
    found = compute_posterior(prior, given_ratios)
    total = min(max(found.logit_prior + found.sum_log_lr, Decimal(-8)), Decimal(8))
    assert abs(total - found.logit_post) <= LOGIT
    assert abs(probability(found.logit_post) - found.p_fail) <= PROBABILITY
    assert abs(logit(probability(found.logit_post)) - found.logit_post) < Decimal("1e-12")


@pytest.mark.parametrize(("prior", "counts_as"), [("-1e300", "0.01"), ("0", "0.01"), ("1e300", "0.99"), ("1", "0.99")])
def test_prior_outside_its_limits_counts_as_the_limit(prior: str, counts_as: str) -> None:
    assert compute_posterior(Decimal(prior), []) == compute_posterior(Decimal(counts_as), [])


@pytest.mark.parametrize(("ratio", "counts_as"), [("0", "0.25"), ("-7", "0.25"), ("1e-400", "0.25"), ("1e400", "10")])
def test_ratio_outside_its_limits_counts_as_the_limit(ratio: str, counts_as: str) -> None:
    assert compute_posterior(Decimal("0.5"), [Decimal(ratio)]) == compute_posterior(
        Decimal("0.5"), [Decimal(counts_as)]
    )


@pytest.mark.parametrize(("floor", "p_fail"), [("-1", "0.5"), ("1e999999", "1"), ("0.97", "0.97"), ("0.2", "0.5")])
def test_floor_outside_its_limits_counts_as_the_limit(floor: str, p_fail: str) -> None:
    assert compute_posterior(Decimal("0.5"), [], at_least=Decimal(floor)).p_fail == Decimal(p_fail)


def test_log_odds_are_limited_to_eight() -> None:
    most, least = (
        compute_posterior(Decimal(prior), [Decimal(ratio)] * 50) for prior, ratio in (("1", "10"), ("0", "0"))
    )
    assert (most.logit_post, least.logit_post) == (Decimal(8), Decimal(-8))
    assert (most.p_fail, least.p_fail) == (Decimal("0.99966"), Decimal("0.00034"))


@given(priors, st.lists(st.decimals("0.0", "40", allow_nan=False, places=4), max_size=4))
def test_posterior_fits_the_columns(prior: Decimal, given_ratios: list[Decimal]) -> None:
    found = compute_posterior(prior, given_ratios)
    for chance in (found.prior_pi, found.p_fail):
        assert 0 <= chance <= 1
        assert chance.as_tuple().exponent == -5
    for log_odds in (found.logit_prior, found.sum_log_lr, found.logit_post):
        assert abs(log_odds) <= 20
        assert log_odds.as_tuple().exponent == -6


def test_score_without_gates_is_the_prior() -> None:
    for prior in scoring_table().priors.values():
        assert compute_posterior(prior, []).p_fail == prior


def test_example_with_all_four_gates() -> None:
    found = compute_posterior(Decimal("0.55"), map(Decimal, ("5.0", "3.0", "4.2", "2.5")))
    odds = 0.55 / 0.45 * prod((5.0, 3.0, 4.2, 2.5))
    assert float(found.p_fail) == pytest.approx(odds / (1 + odds), abs=1e-5)
    assert found.sum_log_lr == Decimal("5.059425")


@pytest.mark.parametrize("wrong", ["NaN", "Infinity", "-Infinity"])
def test_non_finite_numbers_are_rejected(wrong: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        compute_posterior(Decimal(wrong), [])
    with pytest.raises(ValueError, match="finite"):
        compute_posterior(Decimal("0.5"), [Decimal(wrong)])
    with pytest.raises(ValueError, match="finite"):
        compute_posterior(Decimal("0.5"), [], at_least=Decimal(wrong))
