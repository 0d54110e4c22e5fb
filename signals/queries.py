"""Reads of what speaks for a trial's failure, and of what supports what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from signals import formulas
from signals.models import Gate, Score, Signal

# Stored sums have six decimals; four rounded terms can differ from the rounded sum by a few units of the last one.
ROUNDING_TOLERANCE = Decimal("0.000005")
# A ratio outside counts as the limit when a run adds the gates up.
MIN_RATIO, MAX_RATIO = formulas.MIN_RATIO, formulas.MAX_RATIO
# The probability of log-odds.
probability = formulas.probability


@dataclass(frozen=True, slots=True)
class SupportingSignal:
    """A signal that a gate names as its support; `signal` is None where the trial has no such signal now."""

    code: str
    signal: Signal | None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one gate that fired adds to the log-odds of failure: ln of its likelihood ratio, kept within 0.25 and 10.

    `gate` is the gate's row of today, which a later run may have changed since; None where there is none.
    """

    code: str
    likelihood_ratio: Decimal
    log_ratio: Decimal
    gate: Gate | None


@dataclass(frozen=True, slots=True)
class ScoreBreakdown:
    """How a score comes about. `recorded` tells that the run wrote its gates down; else they are those of today."""

    contributions: tuple[Contribution, ...]
    recorded: bool
    total: Decimal
    adds_up: bool


def list_supporting_signals(gate: Gate) -> list[SupportingSignal]:
    """Return the signals that a gate names, by code, with the trial's own signals where they exist."""
    codes = sorted(set(gate.supporting_s_ids or ()))
    found = {signal.s_id: signal for signal in list_signals([gate.trial_id], codes)}
    return [SupportingSignal(code, found.get(code)) for code in codes]


def list_signals(trial_ids: Iterable[int], codes: Iterable[str] | None = None) -> list[Signal]:
    """Return the signals of trials, by trial and code, without their metadata; `codes` keeps only those."""
    signals = Signal.objects.filter(trial_id__in=trial_ids).defer("metadata").order_by("trial_id", "s_id")
    return list(signals if codes is None else signals.filter(s_id__in=codes))


def list_gates(trial_ids: Iterable[int]) -> list[Gate]:
    """Return the gates of trials, by trial and code, without their metadata."""
    return list(Gate.objects.filter(trial_id__in=trial_ids).defer("metadata").order_by("trial_id", "g_id"))


def list_supported_gates(signal: Signal) -> list[Gate]:
    """Return the gates of the same trial that name a signal as their support."""
    return [gate for gate in list_gates([signal.trial_id]) if signal.s_id in (gate.supporting_s_ids or ())]


def list_scores(trial_id: int, limit: int = 20) -> list[Score]:
    """Return the latest scores of a trial, the newest first, without their metadata."""
    return list(Score.objects.filter(trial_id=trial_id).defer("metadata").order_by("-scored_at", "-pk")[:limit])


def compute_breakdown(score: Score, gates: Iterable[Gate] | None = None) -> ScoreBreakdown:
    """Return what each gate added to a score; `gates` are the trial's of today where they were read already.

    The gates and ratios are those that the run wrote into the score's metadata under `gates`; where it wrote none,
    those of the trial that fire today, which need not be the ones that the run saw: `adds_up` tells.
    """
    today = {gate.g_id: gate for gate in (list_gates([score.trial_id]) if gates is None else gates)}
    ratios = read_recorded_ratios(score.metadata)
    recorded = ratios is not None
    if ratios is None:
        ratios = {code: gate.lr_used for code, gate in today.items() if gate.fired_bool and gate.lr_used}
    contributions = tuple(
        Contribution(code, ratio, formulas.log_ratio(ratio), today.get(code)) for code, ratio in sorted(ratios.items())
    )
    total = sum((contribution.log_ratio for contribution in contributions), Decimal(0))
    return ScoreBreakdown(contributions, recorded, total, abs(total - score.sum_log_lr) <= ROUNDING_TOLERANCE)


def is_raised_by_stop_rule(score: Score) -> bool:
    """Whether the stored probability lies above that of the posterior log-odds, as only a stop rule puts it."""
    return score.p_fail > probability(score.logit_post) + formulas.PROBABILITY


def read_recorded_ratios(metadata: Any) -> dict[str, Decimal] | None:
    """Return the likelihood ratio of each gate that a run wrote down, or None where it wrote down none.

    Runs write `gates` as an object of code and ratio (`{"G1": 3.5}`), of code and details (`{"G1": {"lr_used": 3.5}}`),
    or as a list of details with the code inside. A gate whose details say that it did not fire is left out.
    """
    gates = metadata.get("gates") if isinstance(metadata, Mapping) else None
    if isinstance(gates, Mapping):
        pairs = list(gates.items())
    elif isinstance(gates, list):
        pairs = [(_code(details), details) for details in gates]
    else:
        return None
    found = {str(code): ratio for code, details in pairs if code and (ratio := _ratio(details)) is not None}
    return found if found or not gates else None


def _code(details: Any) -> Any:
    if not isinstance(details, Mapping):
        return None
    return next((details[key] for key in ("G_id", "g_id", "gate", "code") if key in details), None)


def _ratio(details: Any) -> Decimal | None:
    if isinstance(details, Mapping):
        if any(details.get(key) is False for key in ("fired", "fired_bool")):
            return None
        details = next((details[key] for key in ("lr_used", "lr", "likelihood_ratio") if key in details), None)
    if details is None or isinstance(details, bool):
        return None
    try:
        ratio = Decimal(str(details))
    except InvalidOperation:
        return None
    return ratio if ratio.is_finite() else None
