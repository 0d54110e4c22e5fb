"""Rules of the gates and formulas of the score, as the contract defines them.

`logit_post = ln(prior / (1 - prior)) + sum(ln(ratio))`, limited to -8 and 8; `p_fail = 1 / (1 + e^-logit_post)`; a stop
rule raises `p_fail` to a floor. Decimal arithmetic gives the same digits on every machine.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

SIGNALS = tuple(f"S{number}" for number in range(1, 10))
# Worst first.
SEVERITIES = ("H", "M", "L")
GATES = ("G1", "G2", "G3", "G4")
GATE_NAMES = {"G1": "Alpha-Meltdown", "G2": "Analysis-Gaming", "G3": "Plausibility", "G4": "p-Hacking"}
# Signals that a gate depends on, in the order of its rule.
GATE_SIGNALS = {"G1": ("S1", "S2"), "G2": ("S3", "S4"), "G3": ("S5", "S6", "S7"), "G4": ("S1", "S3", "S8")}

GATE_RULES = {"G1": "S1 and S2", "G2": "S3 and S4", "G3": "S5, and S6 or S7", "G4": "S8, and S1 or S3"}

MIN_PRIOR, MAX_PRIOR = Decimal("0.01"), Decimal("0.99")
MIN_RATIO, MAX_RATIO = Decimal("0.25"), Decimal(10)
MAX_LOGIT = Decimal(8)

# Last digit of the columns of `scores`.
PROBABILITY = Decimal("0.00001")
LOGIT = Decimal("0.000001")

# Likelihood ratio by gate and by the worst severity among its supporting signals.
Ratios = Mapping[str, Mapping[str, Decimal]]

_RULES: dict[str, Callable[[AbstractSet[str]], bool]] = {
    "G1": lambda fired: {"S1", "S2"} <= fired,
    "G2": lambda fired: {"S3", "S4"} <= fired,
    "G3": lambda fired: "S5" in fired and bool({"S6", "S7"} & fired),
    "G4": lambda fired: "S8" in fired and bool({"S1", "S3"} & fired),
}


@dataclass(frozen=True, slots=True)
class GateEvaluation:
    """Result of evaluating a gate; only a fired gate has supporting signals and a ratio."""

    code: str
    fired: bool
    supporting: tuple[str, ...]
    ratio: Decimal | None
    rationale: str


@dataclass(frozen=True, slots=True)
class Posterior:
    """A score, rounded to the digits of its columns. `prior_pi` and `p_fail` are probabilities, the rest log-odds."""

    prior_pi: Decimal
    logit_prior: Decimal
    sum_log_lr: Decimal
    logit_post: Decimal
    p_fail: Decimal


def evaluate_gate(
    code: str,
    severities: Mapping[str, str],
    ratios: Ratios,
    *,
    late: Collection[str] = (),
    not_fired: Collection[str] = (),
) -> GateEvaluation:
    """Evaluate a gate on the fired signals and their severities.

    `late` signals fired after the feature freeze, `not_fired` were evaluated and did not fire. Both appear only in
    the rationale of a gate that did not fire. Signals that are nowhere were not evaluated.
    """
    present = tuple(signal for signal in GATE_SIGNALS[code] if signal in severities)
    if not gate_fires(code, severities.keys()):
        absent = [signal for signal in GATE_SIGNALS[code] if signal not in severities]
        states = _describe_signals(present, absent, late, not_fired)
        return GateEvaluation(code, False, (), None, f"{GATE_NAMES[code]} did not fire: {states}.")
    worst = min((severities[signal] for signal in present), key=SEVERITIES.index)
    ratio = ratios[code][worst]
    reason = f" by the worst severity, {worst}" if len(set(ratios[code].values())) > 1 else ""
    rationale = f"{GATE_NAMES[code]}: {_join_codes(present)} fired; the likelihood ratio is {ratio}{reason}."
    return GateEvaluation(code, True, present, ratio, rationale)


def gate_fires(code: str, fired: AbstractSet[str]) -> bool:
    """Return whether the rule of a gate holds for the fired signals."""
    return _RULES[code](fired)


def compute_posterior(prior: Decimal, ratios: Iterable[Decimal], *, at_least: Decimal | None = None) -> Posterior:
    """Return the score for a prior, the ratios of the fired gates and the floor of a stop rule.

    Values outside their limits count as the limit. Raises ValueError for NaN and infinity.
    """
    # Sorted: the last digits of the sum must not depend on the order.
    given = sorted(require_finite(ratio) for ratio in ratios)
    pi = _round_half_even(_clamp(require_finite(prior), MIN_PRIOR, MAX_PRIOR), PROBABILITY)
    logit_prior = logit(pi)
    sum_log_lr = sum((log_ratio(ratio) for ratio in given), Decimal(0))
    logit_post = _clamp(logit_prior + sum_log_lr, -MAX_LOGIT, MAX_LOGIT)
    p_fail = probability(logit_post)
    if at_least is not None:
        p_fail = max(p_fail, _clamp(require_finite(at_least), Decimal(0), Decimal(1)))
    return Posterior(
        prior_pi=pi,
        logit_prior=_round_half_even(logit_prior, LOGIT),
        sum_log_lr=_round_half_even(sum_log_lr, LOGIT),
        logit_post=_round_half_even(logit_post, LOGIT),
        p_fail=_round_half_even(p_fail, PROBABILITY),
    )


def logit(chance: Decimal) -> Decimal:
    """Return the log-odds of a probability: ln(p / (1 - p))."""
    return (chance / (1 - chance)).ln()


def probability(log_odds: Decimal) -> Decimal:
    """Return the probability of log-odds: 1 / (1 + e^-x)."""
    return 1 / (1 + (-log_odds).exp())


def log_ratio(ratio: Decimal) -> Decimal:
    """Return the logarithm of a likelihood ratio, limited to 0.25 and 10."""
    return _clamp(ratio, MIN_RATIO, MAX_RATIO).ln()


def require_finite(number: Decimal) -> Decimal:
    """Return the number; raise ValueError for NaN and infinity."""
    if not number.is_finite():
        raise ValueError("prior and likelihood ratios must be finite numbers")
    return number


def _clamp(number: Decimal, least: Decimal, most: Decimal) -> Decimal:
    return min(max(number, least), most)


def _round_half_even(number: Decimal, unit: Decimal) -> Decimal:
    return number.quantize(unit, ROUND_HALF_EVEN)


def _describe_signals(
    present: Sequence[str], absent: Sequence[str], late: Collection[str], not_fired: Collection[str]
) -> str:
    rest = [signal for signal in absent if signal not in late and signal not in not_fired]
    parts = (
        (present, "fired"),
        ([signal for signal in absent if signal in late], "fired after the feature freeze"),
        ([signal for signal in absent if signal in not_fired and signal not in late], "did not fire"),
        (rest, "was not evaluated" if len(rest) == 1 else "were not evaluated"),
    )
    return "; ".join(f"{_join_codes(signals)} {state}" for signals, state in parts if signals)


def _join_codes(codes: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(codes[:-1]), codes[-1])))
