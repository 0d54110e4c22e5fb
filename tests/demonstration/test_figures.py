"""The statistics of the invented results: what belongs together fits together."""

from math import exp, log

import pytest

from ncfd_site.demonstration.catalogue.conditions import CONDITIONS, Condition
from ncfd_site.demonstration.plan.figures import effect_with, patients_for, power_of

conditions = pytest.mark.parametrize("condition", CONDITIONS.values(), ids=CONDITIONS)


@conditions
@pytest.mark.parametrize("power", [0.5, 0.66, 0.8, 0.9])
def test_a_trial_of_the_size_for_a_power_has_that_power(condition: Condition, power: float) -> None:
    patients = patients_for(condition, power)
    assert patients % 2 == 0
    assert power_of(condition, patients) >= power
    assert power_of(condition, patients - 2) < power


@conditions
@pytest.mark.parametrize("p", [0.0004, 0.021, 0.048, 0.34])
def test_an_interval_leaves_no_effect_out_where_the_p_value_is_below_5_percent(condition: Condition, p: float) -> None:
    effect = effect_with(condition, 300, p)
    assert effect.low < effect.value < effect.high
    no_effect = 1 if condition.is_hazard else 0
    assert (effect.low <= no_effect <= effect.high) == (p > 0.05)
    if condition.is_hazard:
        assert log(effect.value) == pytest.approx((log(effect.low) + log(effect.high)) / 2)
        assert effect.value == pytest.approx(exp(log(effect.value)))


@conditions
def test_no_share_leaves_its_range(condition: Condition) -> None:
    if not condition.is_hazard:
        assert 0 < condition.control_share < condition.control_share + condition.gain < 1


def test_a_known_size() -> None:
    # 50 % against 60 % at 80 % power with two-sided 5 %: 388 a group by the formula with the mean share.
    condition = Condition("", "", "", "", "", 0.5, 0.1, ("", ""), "", "")
    assert patients_for(condition, 0.8) == pytest.approx(2 * 388, abs=8)
