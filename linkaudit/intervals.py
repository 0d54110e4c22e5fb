"""Confidence intervals and bounds of a proportion: Wilson's score interval, and the exact ones."""

from dataclasses import dataclass
from math import sqrt

# Two-sided 95 %: the standard normal quantile of 0.975.
Z_95 = 1.959963984540054
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Interval:
    """The two ends of a confidence interval of a proportion, each between 0 and 1."""

    low: float
    high: float


def wilson_interval(successes: int, trials: int, z: float = Z_95) -> Interval | None:
    """Return the Wilson score interval of `successes` out of `trials`, or None for 0 trials.

    `z` is the standard normal quantile of the confidence level; the default gives 95 %. Raises ValueError for counts
    that are not a proportion.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22 (1927), 209-212.
    """
    _require_proportion(successes, trials)
    if trials == 0:
        return None
    rate = successes / trials
    square = z * z / trials
    center = rate + square / 2
    spread = z * sqrt(rate * (1 - rate) / trials + square / (4 * trials))
    # At k = 0 and k = n the end is exact; rounding can put it 1e-17 outside the unit interval.
    low = 0.0 if successes == 0 else (center - spread) / (1 + square)
    high = 1.0 if successes == trials else (center + spread) / (1 + square)
    return Interval(low, high)


def exact_lower_bound(successes: int, trials: int, alpha: float = ALPHA) -> float | None:
    """Return the one-sided Clopper-Pearson lower bound with error `alpha`, or None for 0 trials.

    Raises ValueError for counts that are not a proportion.

    Source: C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the
    binomial", Biometrika 26 (1934), 404-413.
    """
    _require_proportion(successes, trials)
    if trials == 0:
        return None
    return 0.0 if successes == 0 else _beta_quantile(alpha, successes, trials - successes + 1)


def exact_upper_bound(successes: int, trials: int, alpha: float = ALPHA) -> float | None:
    """Return the one-sided Clopper-Pearson upper bound with error `alpha`, or None for 0 trials."""
    _require_proportion(successes, trials)
    if trials == 0:
        return None
    return 1.0 if successes == trials else _beta_quantile(1 - alpha, successes + 1, trials - successes)


def exact_interval(successes: int, trials: int, alpha: float = ALPHA) -> Interval | None:
    """Return the two-sided Clopper-Pearson interval, with half of `alpha` at each end, or None for 0 trials."""
    low = exact_lower_bound(successes, trials, alpha / 2)
    high = exact_upper_bound(successes, trials, alpha / 2)
    return None if low is None or high is None else Interval(low, high)


def _require_proportion(successes: int, trials: int) -> None:
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} out of {trials} is not a proportion")


def _beta_quantile(share: float, a: int, b: int) -> float:
    # The import takes half a second; most commands and pages do not need it.
    from scipy.special import betaincinv

    return float(betaincinv(a, b, share))
