"""The probability that a trial fails, from its prior and the gates that fired: the contract's formulas.

`logit_post = ln(prior / (1 - prior)) + sum(ln(ratio))`, within -8 and 8; `p_fail = 1 / (1 + e^-logit_post)`; a stop
rule raises `p_fail` to 0.97 and never lowers it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

# What the ratios and priors below are called in the metadata of scores.
TABLE_VERSION = "demonstration-1"
# Probability of failure by phase, before anything is known of the trial.
PRIORS = {
    "PHASE1": Decimal("0.48"),
    "PHASE1/PHASE2": Decimal("0.60"),
    "PHASE2": Decimal("0.71"),
    "PHASE2/PHASE3": Decimal("0.55"),
    "PHASE3": Decimal("0.42"),
    "PHASE4": Decimal("0.30"),
}
LEAST_PRIOR, MOST_PRIOR = Decimal("0.01"), Decimal("0.99")
LEAST_RATIO, MOST_RATIO = Decimal("0.25"), Decimal(10)
MOST_LOGIT = Decimal(8)
STOPPED = Decimal("0.97")

# Digits of the columns of `scores`.
_PROBABILITY = Decimal("0.00001")
_LOGIT = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Posterior:
    """A score, rounded to the digits of its columns. Probabilities are from 0 to 1, the others log-odds."""

    prior_pi: Decimal
    logit_prior: Decimal
    sum_log_lr: Decimal
    logit_post: Decimal
    p_fail: Decimal


def posterior(prior: Decimal, ratios: Iterable[Decimal], *, stopped: bool = False) -> Posterior:
    """The score of a trial with this prior, the likelihood ratios of its fired gates, and whether a stop rule holds.

    Prior and ratios outside their limits count as the limit. Raises ValueError where one is not a finite number.
    """
    given = [*ratios]
    if not all(number.is_finite() for number in (prior, *given)):
        raise ValueError("a prior and likelihood ratios are finite numbers")
    pi = _rounded(_within(prior, LEAST_PRIOR, MOST_PRIOR), _PROBABILITY)
    logit_prior = (pi / (1 - pi)).ln()
    sum_log_lr = sum((_within(ratio, LEAST_RATIO, MOST_RATIO).ln() for ratio in given), Decimal(0))
    logit_post = _within(logit_prior + sum_log_lr, -MOST_LOGIT, MOST_LOGIT)
    p_fail = 1 / (1 + (-logit_post).exp())
    if stopped:
        p_fail = max(p_fail, STOPPED)
    return Posterior(
        prior_pi=pi,
        logit_prior=_rounded(logit_prior, _LOGIT),
        sum_log_lr=_rounded(sum_log_lr, _LOGIT),
        logit_post=_rounded(logit_post, _LOGIT),
        p_fail=_rounded(p_fail, _PROBABILITY),
    )


def _within(number: Decimal, least: Decimal, most: Decimal) -> Decimal:
    return min(max(number, least), most)


def _rounded(number: Decimal, digits: Decimal) -> Decimal:
    return number.quantize(digits, ROUND_HALF_EVEN)
