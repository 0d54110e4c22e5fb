"""How sure a rate of k out of n is."""

from dataclasses import dataclass
from math import sqrt

# Two-sided 95 %: the standard normal quantile of 0.975.
Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """The two ends of a confidence interval of a proportion, each between 0 and 1."""

    low: float
    high: float


def wilson_interval(successes: int, trials: int, z: float = Z_95) -> Interval | None:
    """Return the Wilson score interval of `successes` out of `trials`, or None where there is no trial.

    `z` is the standard normal quantile of the confidence wanted; the default gives 95 %.
    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22 (1927), 209-212.

    Raises ValueError where the counts cannot be k out of n.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} out of {trials} is not a proportion")
    if trials == 0:
        return None
    rate = successes / trials
    square = z * z / trials
    centre = rate + square / 2
    spread = z * sqrt(rate * (1 - rate) / trials + square / (4 * trials))
    # Rounding can leave 1e-17 outside of the unit interval at k = 0 and k = n, where the end is exact.
    low = 0.0 if successes == 0 else (centre - spread) / (1 + square)
    high = 1.0 if successes == trials else (centre + spread) / (1 + square)
    return Interval(low, high)
