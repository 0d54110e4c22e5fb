"""Which gates open from which signals, and the probability that a trial fails: the contract's rules and formulas.

`logit_post = ln(prior / (1 - prior)) + sum(ln(ratio))`, within -8 and 8; `p_fail = 1 / (1 + e^-logit_post)`; a stop
rule raises `p_fail` to a floor and never lowers it. Decimal arithmetic: equal input gives equal results everywhere.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

SIGNALS = tuple(f"S{number}" for number in range(1, 10))
# From the worst on.
SEVERITIES = ("H", "M", "L")
GATES = ("G1", "G2", "G3", "G4")
GATE_NAMES = {"G1": "Alpha-Meltdown", "G2": "Analysis-Gaming", "G3": "Plausibility", "G4": "p-Hacking"}
# The signals that a gate looks at, in the order of its rule.
GATE_SIGNALS = {"G1": ("S1", "S2"), "G2": ("S3", "S4"), "G3": ("S5", "S6", "S7"), "G4": ("S1", "S3", "S8")}

MIN_PRIOR, MAX_PRIOR = Decimal("0.01"), Decimal("0.99")
MIN_RATIO, MAX_RATIO = Decimal("0.25"), Decimal(10)
MAX_LOGIT = Decimal(8)

# Digits of the columns of `scores`.
PROBABILITY = Decimal("0.00001")
LOGIT = Decimal("0.000001")

# The likelihood ratio of each gate, by the worst severity among the signals that support it.
Ratios = Mapping[str, Mapping[str, Decimal]]

_RULES: dict[str, Callable[[AbstractSet[str]], bool]] = {
    "G1": lambda fired: {"S1", "S2"} <= fired,
    "G2": lambda fired: {"S3", "S4"} <= fired,
    "G3": lambda fired: "S5" in fired and bool({"S6", "S7"} & fired),
    "G4": lambda fired: "S8" in fired and bool({"S1", "S3"} & fired),
}


@dataclass(frozen=True, slots=True)
class GateEvaluation:
    """A gate that was evaluated. Supporting signals and ratio are there only where it fired."""

    code: str
    fired: bool
    supporting: tuple[str, ...]
    ratio: Decimal | None
    rationale: str


@dataclass(frozen=True, slots=True)
class Posterior:
    """A score, rounded to the digits of its columns. Probabilities are from 0 to 1, the others log-odds."""

    prior_pi: Decimal
    logit_prior: Decimal
    sum_log_lr: Decimal
    logit_post: Decimal
    p_fail: Decimal


def evaluate(severities: Mapping[str, str], ratios: Ratios) -> list[GateEvaluation]:
    """Every gate, from the signals that fired (S1 to S9) with their severities (H, M or L)."""
    return [evaluate_gate(code, severities, ratios) for code in GATES]


def evaluate_gate(
    code: str,
    severities: Mapping[str, str],
    ratios: Ratios,
    *,
    late: Collection[str] = (),
    not_fired: Collection[str] = (),
) -> GateEvaluation:
    """One gate. Signals that it does not look at make no difference.

    `late` fired after the features had frozen, `not_fired` were evaluated and did not fire: both are told where the
    gate did not fire, and change nothing else. A signal that is nowhere was not evaluated.
    """
    present = tuple(signal for signal in GATE_SIGNALS[code] if signal in severities)
    if not fires(code, severities.keys()):
        absent = [signal for signal in GATE_SIGNALS[code] if signal not in severities]
        return GateEvaluation(
            code, False, (), None, f"{GATE_NAMES[code]} did not fire: {_told(present, absent, late, not_fired)}."
        )
    worst = min((severities[signal] for signal in present), key=SEVERITIES.index)
    ratio = ratios[code][worst]
    why = f" by the worst severity, {worst}" if len(set(ratios[code].values())) > 1 else ""
    said = f"{GATE_NAMES[code]}: {_listed(present)} fired; the likelihood ratio is {ratio}{why}."
    return GateEvaluation(code, True, present, ratio, said)


def fires(code: str, fired: AbstractSet[str]) -> bool:
    """Whether the rule of a gate holds for these signals."""
    return _RULES[code](fired)


def posterior(prior: Decimal, ratios: Iterable[Decimal], *, at_least: Decimal | None = None) -> Posterior:
    """The score of a trial with this prior, the ratios of its fired gates, and the floor of a stop rule that holds.

    Prior, ratios and floor outside their limits count as the limit. Raises ValueError where one is not a finite number.
    """
    # Sorted, so that the last digits of the sum do not depend on the order.
    given = sorted(finite(ratio) for ratio in ratios)
    pi = _rounded(_within(finite(prior), MIN_PRIOR, MAX_PRIOR), PROBABILITY)
    logit_prior = logit(pi)
    sum_log_lr = sum((log_ratio(ratio) for ratio in given), Decimal(0))
    logit_post = _within(logit_prior + sum_log_lr, -MAX_LOGIT, MAX_LOGIT)
    p_fail = probability(logit_post)
    if at_least is not None:
        p_fail = max(p_fail, _within(finite(at_least), Decimal(0), Decimal(1)))
    return Posterior(
        prior_pi=pi,
        logit_prior=_rounded(logit_prior, LOGIT),
        sum_log_lr=_rounded(sum_log_lr, LOGIT),
        logit_post=_rounded(logit_post, LOGIT),
        p_fail=_rounded(p_fail, PROBABILITY),
    )


def logit(chance: Decimal) -> Decimal:
    """The log-odds of a probability between 0 and 1: ln(p / (1 - p))."""
    return (chance / (1 - chance)).ln()


def probability(log_odds: Decimal) -> Decimal:
    """The probability of log-odds: 1 / (1 + e^-x)."""
    return 1 / (1 + (-log_odds).exp())


def log_ratio(ratio: Decimal) -> Decimal:
    """What a gate adds to the log-odds: ln of its likelihood ratio, kept within 0.25 and 10."""
    return _within(ratio, MIN_RATIO, MAX_RATIO).ln()


def finite(number: Decimal) -> Decimal:
    """The number itself. Raises ValueError where it is none, or infinite."""
    if not number.is_finite():
        raise ValueError("a prior and likelihood ratios are finite numbers")
    return number


def _within(number: Decimal, least: Decimal, most: Decimal) -> Decimal:
    return min(max(number, least), most)


def _rounded(number: Decimal, digits: Decimal) -> Decimal:
    return number.quantize(digits, ROUND_HALF_EVEN)


def _told(present: Sequence[str], absent: Sequence[str], late: Collection[str], not_fired: Collection[str]) -> str:
    """What is known of each signal, those together that share it."""
    rest = [signal for signal in absent if signal not in late and signal not in not_fired]
    parts = (
        (present, "fired"),
        ([signal for signal in absent if signal in late], "fired after the features had frozen"),
        ([signal for signal in absent if signal in not_fired and signal not in late], "did not fire"),
        (rest, "was not evaluated" if len(rest) == 1 else "were not evaluated"),
    )
    return "; ".join(f"{_listed(signals)} {what}" for signals, what in parts if signals)


def _listed(codes: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(codes[:-1]), codes[-1])))
