"""What each signal and stop rule adds to the findings of a trial: a sentence, a part of the card, a measured value."""

from collections.abc import Callable

from ncfd_site.demonstration.plan.figures import Effect, effect_with, planned_effect, power_of
from ncfd_site.demonstration.plan.findings import CUSP_P, Findings, begin_findings
from ncfd_site.demonstration.plan.trials import PlannedTrial
from ncfd_site.demonstration.plan.wording import effect_stated, effect_words, lowered, p_stated, p_words, percent

SUBGROUP_SHARE = 0.35
SUBGROUP_P = {"H": 0.012, "M": 0.021, "L": 0.034}
# The share of patients that the per-protocol population leaves out, and the p-value in the rest.
# A stop rule asks for more than a fifth: only the gravest signals come with it.
LEFT_OUT = {"H": 0.26, "M": 0.19, "L": 0.16}
PER_PROTOCOL_P = {"H": 0.0008, "M": 0.012, "L": 0.027}
LOOKS = {"H": 4, "M": 3, "L": 2}
# The upper quartile of the class, in units of the planned effect.
QUARTILE = 1.05


def findings_of(trial: PlannedTrial, place: int) -> Findings:
    """All that was found in a published trial; `place` is its place among the published ones."""
    found = begin_findings(trial, place)
    for code, tell in _TELLERS.items():
        if code in trial.signals:
            tell(found, trial.signals[code])
    if trial.stop_rule:
        _STOPS[trial.stop_rule](found)
    return found


def _underpowered(found: Findings, severity: str) -> None:
    condition, patients = found.trial.condition, found.trial.patients
    power = power_of(condition, patients)
    planned = (
        f"hazard ratio of {condition.gain:.2f}"
        if condition.is_hazard
        else f"difference of {100 * condition.gain:.0f} percentage points"
    )
    found.sentences["S2"] = (
        f"With {patients} patients the trial has a power of {100 * power:.0f}% to show the {planned} that it was"
        " planned for."
    )
    found.values["S2"] = round(power, 3)
    found.card["power"] = {"assumed_effect": condition.gain, "patients": patients, "power": round(power, 3)}


def _subgroup(found: Findings, severity: str) -> None:
    condition, signals = found.trial.condition, found.trial.signals
    on_cusp = "S8" in signals and "S8" not in found.values
    p = CUSP_P[signals["S8"]] if on_cusp else SUBGROUP_P[severity]
    effect = effect_with(condition, found.analysed * SUBGROUP_SHARE, p)
    found.sentences["S3"] = (
        f"A benefit was seen in patients {condition.subgroup} alone, with {_kind(found)}"
        f" {effect_words(condition, effect)}; the analyses of subgroups were not adjusted for multiplicity."
    )
    found.values["S3"] = p
    if on_cusp:
        found.sentences["S8"], found.values["S8"] = found.sentences["S3"], p
    found.card["results"]["subgroups"] = [
        {
            "subgroup": condition.subgroup,
            "effect_size": effect_stated(condition, effect),
            "p_value": p_stated(p),
            "multiplicity_controlled": False,
        }
    ]


def _per_protocol(found: Findings, severity: str) -> None:
    trial = found.trial
    p_all = 0.23 if "S8" in trial.signals else found.primary.p
    p, left_out = PER_PROTOCOL_P[severity], LEFT_OUT[severity]
    found.sentences["S4"] = (
        f"In the intention-to-treat population the difference was not significant ({p_words(p_all)}), whereas per"
        f" protocol, which leaves out {100 * left_out:.0f}% of those randomised, it was ({p_words(p)});"
        f" {percent(left_out * 1.4)} of patients on {trial.drug.inn} and {percent(left_out * 0.6)} on"
        f" {trial.condition.control} stopped early."
    )
    found.values["S4"] = p_all
    found.card["populations"] |= {"itt_missing_share": left_out}
    found.card["results"]["intention_to_treat"] = {"p_value": p_stated(p_all)}
    found.card["results"]["per_protocol"] = {"p_value": p_stated(p)}


def _implausible(found: Findings, severity: str) -> None:
    condition, trial = found.trial.condition, found.trial
    effect = found.primary
    if "S4" in trial.signals:
        left = found.analysed * (1 - LEFT_OUT[trial.signals["S4"]])
        effect = effect_with(condition, left, PER_PROTOCOL_P[trial.signals["S4"]])
    quartile = QUARTILE * planned_effect(condition)
    failed, of = condition.failed or (0, 0)
    found.sentences["S5"] = (
        f"A difference of {100 * effect.value:.1f} percentage points is above the upper quartile of"
        f" {100 * quartile:.1f} among earlier trials of such drugs, in a condition in which {failed} of {of} pivotal"
        " trials have failed."
    )
    found.values["S5"] = round(100 * effect.value, 1)
    found.card["class"] = {"upper_quartile": round(100 * quartile, 1), "pivotal_trials": of, "failed": failed}


def _looks(found: Findings, severity: str) -> None:
    looks = LOOKS[severity]
    found.sentences["S6"] = (
        f"The data monitoring committee had looked at efficacy {looks} times before, and the protocol provides for no"
        " spending of alpha."
    )
    found.values["S6"] = looks
    found.card["interim"] = {"looks_at_efficacy": looks, "alpha_spending": None}


def _single_arm(found: Findings, severity: str) -> None:
    found.sentences["S7"] = (
        f"There was no control group; results were held against a historical rate of"
        f" {percent(found.trial.condition.control_share)}, although randomised trials are the standard in this"
        " condition."
    )


def _survival(found: Findings, severity: str) -> None:
    condition = found.trial.condition
    better = effect_with(condition, found.analysed * 0.6, 0.41)
    death = Effect(1 / better.value, 1 / better.high, 1 / better.low, better.p)
    found.sentences["S9"] = (
        f"Overall survival pointed the other way, with a hazard ratio of death of {effect_words(condition, death)}."
    )
    found.values["S9"] = round(death.value, 2)
    found.card["results"]["secondary"] = [
        {"endpoint": "Overall survival", "effect_size": effect_stated(condition, death), "p_value": p_stated(death.p)}
    ]


def _switched(found: Findings) -> None:
    condition = found.trial.condition
    found.sentences["stop"] = (
        f"The primary endpoint was changed from {lowered(condition.former[0])} to {lowered(condition.outcome)} after"
        " the last patient had been randomised."
    )
    found.card["design"]["endpoint_changed_after_last_randomised"] = True


def _only_per_protocol(found: Findings) -> None:
    found.sentences["stop"] = found.sentences["S4"]


def _open_label(found: Findings) -> None:
    found.sentences["stop"] = (
        "Patients knew what they received and report the primary endpoint themselves, although a matching placebo was"
        " available."
    )
    found.card["design"] |= {"subjective_endpoint": True, "blinding_feasible": True}


def _kind(found: Findings) -> str:
    return "a hazard ratio of" if found.trial.condition.is_hazard else "a difference of"


_TELLERS: dict[str, Callable[[Findings, str], None]] = {
    "S2": _underpowered,
    "S3": _subgroup,
    "S4": _per_protocol,
    "S5": _implausible,
    "S6": _looks,
    "S7": _single_arm,
    "S9": _survival,
}
_STOPS: dict[str, Callable[[Findings], None]] = {
    "endpoint_switched": _switched,
    "per_protocol_only": _only_per_protocol,
    "open_label_subjective": _open_label,
}
