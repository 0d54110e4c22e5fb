"""The invented results agree with the sizes of their trials.

Two arms of equal size, two-sided alpha of 0.05, normal approximations: Schoenfeld, Biometrika 68 (1981) 316, for hazard
ratios; otherwise the difference of two shares. A single arm is compared with a known share.
"""

from math import exp, log, sqrt
from statistics import NormalDist

import pytest

from ncfd_site.demo.catalog import CONDITIONS, Calendar, Condition, PlannedTrial, plan_trials
from ncfd_site.demo.findings import ANALYZED, Result, read_results
from tests.demo.days import TODAY

NORMAL = NormalDist()
Z95 = NORMAL.inv_cdf(0.975)
# The share of patients with an event at the readout of a survival trial.
EVENTS = 0.65
# The shares of the analyzed patients behind the results of a subgroup and of survival.
SUBGROUP, SURVIVAL = 0.35, 0.6
LEFT_OUT = {"H": 0.26, "M": 0.19}
TRIALS = {trial.acronym: trial for trial in plan_trials(Calendar(TODAY))}
RESULTS = read_results()


def standard_error(condition: Condition, patients: float, *, is_single_arm: bool = False) -> float:
    """Return the standard error of ln(hazard ratio), or of the difference of shares."""
    if condition.is_hazard:
        return 2 / sqrt(EVENTS * patients)
    share = condition.control_share + condition.gain / 2
    return sqrt(share * (1 - share) / patients) * (1 if is_single_arm else 2)


def power_of(condition: Condition, patients: int) -> float:
    effect = -log(condition.gain) if condition.is_hazard else condition.gain
    return NORMAL.cdf(effect / standard_error(condition, patients) - Z95)


def expected(condition: Condition, patients: float, p: float, *, is_single_arm: bool = False) -> tuple[float, ...]:
    """Return the estimate and its interval for a p-value: a hazard ratio, or a difference in percentage points."""
    error = standard_error(condition, patients, is_single_arm=is_single_arm)
    size = NORMAL.inv_cdf(1 - p / 2) * error
    bounds = (size, size - Z95 * error, size + Z95 * error)
    if condition.is_hazard:
        return exp(-bounds[0]), exp(-bounds[2]), exp(-bounds[1])
    return tuple(100 * bound for bound in bounds)


def analyzed(trial: PlannedTrial) -> int:
    return round(trial.patients * ANALYZED)


def figures(result: Result) -> tuple[float, float, float]:
    return result.value, result.low, result.high


def test_estimates_and_intervals_agree_with_p_values_and_sizes() -> None:
    for (acronym, topic), result in RESULTS.items():
        trial = TRIALS[acronym]
        condition, patients = trial.condition, analyzed(trial)
        tolerance = 0.006 if condition.is_hazard else 0.06
        if topic == "primary":
            wanted = expected(condition, patients, result.p, is_single_arm=trial.is_single_arm)
            assert figures(result) == pytest.approx(wanted, abs=tolerance), acronym
        elif topic == "S3":
            assert figures(result) == pytest.approx(expected(condition, patients * SUBGROUP, result.p), abs=tolerance)
        elif topic == "S9":
            value, low, high = expected(condition, patients * SURVIVAL, result.p)
            assert figures(result) == pytest.approx((1 / value, 1 / high, 1 / low), abs=tolerance)


def test_signals_agree_with_the_results_behind_them() -> None:
    for (acronym, topic), result in RESULTS.items():
        trial, primary = TRIALS[acronym], RESULTS[acronym, "primary"]
        if topic == "S2":
            assert result.value == pytest.approx(power_of(trial.condition, trial.patients), abs=0.0006)
        elif topic == "S4":
            # The primary analysis of a trial on the cusp is in a modified population.
            assert result.value == (0.23 if "S8" in trial.signals else primary.p) > 0.05 > result.p
        elif topic == "S5":
            value = primary.value
            if per_protocol := RESULTS.get((acronym, "S4")):
                patients = analyzed(trial) * (1 - LEFT_OUT[trial.signals["S4"]])
                value, _, _ = expected(trial.condition, patients, per_protocol.p)
            assert result.value == pytest.approx(value, abs=0.06)
            assert result.value > trial.condition.upper_quartile


def test_intervals_include_no_effect_unless_the_result_is_significant() -> None:
    for (acronym, topic), result in RESULTS.items():
        if topic in ("primary", "S3", "S9"):
            no_effect = 1 if TRIALS[acronym].condition.is_hazard else 0
            assert result.low < result.value < result.high
            assert (result.low <= no_effect <= result.high) == (result.p > 0.05) or no_effect in figures(result)


def test_every_published_trial_has_the_results_that_its_signals_need() -> None:
    wanted = {
        (trial.acronym, topic)
        for trial in TRIALS.values()
        if trial.published
        for topic in ["primary", *({"S2", "S3", "S4", "S5", "S9"} & trial.signals.keys())]
    }
    assert set(RESULTS) == wanted


def test_trials_have_the_power_that_they_are_planned_for() -> None:
    for trial in TRIALS.values():
        power = power_of(trial.condition, trial.patients)
        if "S2" in trial.signals:
            assert 0.5 <= power < 0.67
        elif "PHASE3" in trial.phase.split("/") and not trial.is_single_arm:
            assert 0.9 <= power < 0.92
        assert trial.patients % 2 == 0 or trial.is_single_arm or trial.phase == "PHASE2"


def test_shares_are_in_their_range() -> None:
    for condition in CONDITIONS.values():
        if not condition.is_hazard:
            assert 0 < condition.control_share < condition.control_share + condition.gain < 1


def test_known_power() -> None:
    # 50% against 60% with two-sided 5%: 388 patients in each group give a power of 80%.
    condition = Condition(control_share=0.5, gain=0.1, is_hazard=False)
    assert power_of(condition, 2 * 388) == pytest.approx(0.8, abs=0.005)
