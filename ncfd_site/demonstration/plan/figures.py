"""The statistics behind the invented results, so that estimates, intervals, p-values and sizes fit each other.

Two arms of equal size, a two-sided alpha of 0.05, normal approximations: Schoenfeld, Biometrika 68 (1981) 316, for
hazard ratios; the difference of two shares otherwise. With a single arm the share is held against a known one.
"""

from dataclasses import dataclass
from math import ceil, exp, log, sqrt
from statistics import NormalDist

from ncfd_site.demonstration.catalogue.conditions import Condition

_NORMAL = NormalDist()
Z95 = _NORMAL.inv_cdf(0.975)
# The share of patients with an event when a trial of survival is read out.
EVENTS = 0.65


@dataclass(frozen=True, slots=True)
class Effect:
    """An estimate with its 95 % interval: a hazard ratio, or a difference of shares between 0 and 1."""

    value: float
    low: float
    high: float
    p: float


def standard_error(condition: Condition, patients: float, *, single_arm: bool = False) -> float:
    """The standard error of the estimate: of ln(hazard ratio), or of the difference of shares."""
    if condition.is_hazard:
        return 2 / sqrt(EVENTS * patients)
    share = condition.control_share + condition.gain / 2
    return sqrt(share * (1 - share) / patients) * (1 if single_arm else 2)


def planned_effect(condition: Condition) -> float:
    """The effect that a trial is planned for, on the scale of the standard error, as a positive number."""
    return -log(condition.gain) if condition.is_hazard else condition.gain


def patients_for(condition: Condition, power: float) -> int:
    """How many patients give that power at the planned effect, an even number."""
    wanted = planned_effect(condition) / (Z95 + _NORMAL.inv_cdf(power))
    return 2 * ceil((standard_error(condition, 1) / wanted) ** 2 / 2)


def power_of(condition: Condition, patients: int) -> float:
    """The power of a trial of that size at the planned effect, from 0 to 1."""
    return _NORMAL.cdf(planned_effect(condition) / standard_error(condition, patients) - Z95)


def effect_with(condition: Condition, patients: float, p: float, *, single_arm: bool = False) -> Effect:
    """The effect in favour of the drug that so many patients show with just that two-sided p-value."""
    error = standard_error(condition, patients, single_arm=single_arm)
    size = _NORMAL.inv_cdf(1 - p / 2) * error
    low, high = size - Z95 * error, size + Z95 * error
    if condition.is_hazard:
        return Effect(exp(-size), exp(-high), exp(-low), p)
    return Effect(size, low, high, p)
