"""Reads of signals, gates and scores, and the breakdown of a score into what each gate adds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from signals import formulas
from signals.models import Gate, Score, Signal

# Sums are stored with six decimals: four rounded terms may differ from the rounded sum by a few units of the last.
ROUNDING_TOLERANCE = Decimal("0.000005")
# Names under which runs have stored the code and the ratio of a gate.
_CODE_KEYS = ("G_id", "g_id", "gate", "code")
_RATIO_KEYS = ("lr_used", "lr", "likelihood_ratio")


@dataclass(frozen=True, slots=True)
class SupportingSignal:
    """A signal that a gate names as support; `signal` is None if the trial no longer has it."""

    code: str
    signal: Signal | None


@dataclass(frozen=True, slots=True)
class Contribution:
    """The log-odds that a fired gate adds: ln of its likelihood ratio, limited to 0.25 and 10.

    `gate` is the current row, which a later run may have changed; None if there is none.
    """

    code: str
    likelihood_ratio: Decimal
    log_ratio: Decimal
    gate: Gate | None


@dataclass(frozen=True, slots=True)
class ScoreBreakdown:
    """The contributions to a score. `recorded`: the run recorded its gates; otherwise they are the current ones."""

    contributions: tuple[Contribution, ...]
    recorded: bool
    total: Decimal
    adds_up: bool


def list_supporting_signals(gate: Gate) -> list[SupportingSignal]:
    """Return the signals that a gate names, by code, with the trial's own signals."""
    codes = sorted(set(gate.supporting_s_ids or ()))
    signals = {signal.s_id: signal for signal in list_signals([gate.trial_id], codes)}
    return [SupportingSignal(code, signals.get(code)) for code in codes]


def list_signals(trial_ids: Iterable[int], codes: Iterable[str] | None = None) -> list[Signal]:
    """Return the signals of trials (of all codes, or of `codes`) by trial and code, without metadata."""
    signals = Signal.objects.filter(trial_id__in=trial_ids).defer("metadata").order_by("trial_id", "s_id")
    return list(signals if codes is None else signals.filter(s_id__in=codes))


def list_gates(trial_ids: Iterable[int]) -> list[Gate]:
    """Return the gates of trials by trial and code, without metadata."""
    return list(Gate.objects.filter(trial_id__in=trial_ids).defer("metadata").order_by("trial_id", "g_id"))


def list_supported_gates(signal: Signal) -> list[Gate]:
    """Return the gates of the same trial that name the signal as support."""
    return [gate for gate in list_gates([signal.trial_id]) if signal.s_id in (gate.supporting_s_ids or ())]


def list_scores(trial_id: int, limit: int = 20) -> list[Score]:
    """Return the latest scores of a trial, newest first, without metadata."""
    return list(Score.objects.filter(trial_id=trial_id).defer("metadata").order_by("-scored_at", "-pk")[:limit])


def compute_breakdown(score: Score, gates: Iterable[Gate] | None = None) -> ScoreBreakdown:
    """Return what each gate added to a score; `gates` are the trial's current gates if already read.

    Uses the gates in the metadata of the score, or else the current gates, which may differ from those of the run.
    """
    current = {gate.g_id: gate for gate in (list_gates([score.trial_id]) if gates is None else gates)}
    ratios = read_recorded_ratios(score.metadata)
    recorded = ratios is not None
    if ratios is None:
        ratios = {code: gate.lr_used for code, gate in current.items() if gate.fired_bool and gate.lr_used}
    contributions = tuple(
        Contribution(code, ratio, formulas.log_ratio(ratio), current.get(code))
        for code, ratio in sorted(ratios.items())
    )
    total = sum((contribution.log_ratio for contribution in contributions), Decimal(0))
    return ScoreBreakdown(contributions, recorded, total, abs(total - score.sum_log_lr) <= ROUNDING_TOLERANCE)


def is_raised_by_stop_rule(score: Score) -> bool:
    """Return whether the stored probability is above that of the posterior log-odds."""
    return score.p_fail > formulas.probability(score.logit_post) + formulas.PROBABILITY


def read_recorded_ratios(metadata: Any) -> dict[str, Decimal] | None:
    """Return the likelihood ratios of the fired gates in a score's metadata, None if it has none.

    Runs store `gates` as `{"G1": 3.5}`, as `{"G1": {"lr_used": 3.5}}`, or as a list of details with the code inside.
    Gates that did not fire are skipped.
    """
    gates = metadata.get("gates") if isinstance(metadata, Mapping) else None
    if isinstance(gates, Mapping):
        pairs = list(gates.items())
    elif isinstance(gates, list):
        pairs = [(_get_first_value(details, _CODE_KEYS), details) for details in gates]
    else:
        return None
    ratios = {str(code): ratio for code, details in pairs if code and (ratio := _parse_ratio(details)) is not None}
    return ratios if ratios or not gates else None


def _get_first_value(details: Any, keys: Iterable[str]) -> Any:
    return next((details[key] for key in keys if key in details), None) if isinstance(details, Mapping) else None


def _parse_ratio(details: Any) -> Decimal | None:
    if isinstance(details, Mapping):
        if any(details.get(key) is False for key in ("fired", "fired_bool")):
            return None
        details = _get_first_value(details, _RATIO_KEYS)
    if details is None or isinstance(details, bool):
        return None
    try:
        ratio = Decimal(str(details))
    except InvalidOperation:
        return None
    return ratio if ratio.is_finite() else None
