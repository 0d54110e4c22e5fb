"""What was found in a published trial: sentences for the texts, the study card and the signals, of the same figures."""

from dataclasses import dataclass, field
from typing import Any

from ncfd_site.demonstration.plan.figures import Effect, effect_with
from ncfd_site.demonstration.plan.trials import PlannedTrial
from ncfd_site.demonstration.plan.wording import effect_stated, effect_words, lowered, p_stated, percent

SIGNIFICANT = 0.05
# p-values of trials without a story, in turn; one of them just fails.
USUAL_P = (0.0004, 0.003, 0.012, 0.0002, 0.34, 0.021, 0.0007, 0.008)
CUSP_P = {"H": 0.049, "M": 0.048, "L": 0.046}


@dataclass
class Findings:
    """Sentences by what they say ("primary", "S3" ...), the study card, and what each signal measured."""

    trial: PlannedTrial
    analysed: int
    primary: Effect
    sentences: dict[str, str] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All sentences as one paragraph."""
        return " ".join(dict.fromkeys(self.sentences.values()))

    @property
    def is_positive(self) -> bool:
        """Whether the primary analysis reached significance."""
        return self.primary.p < SIGNIFICANT


def begin_findings(trial: PlannedTrial, place: int) -> Findings:
    """The primary result and the card of a trial, without what its signals add; `place` is that among the published."""
    analysed = round(trial.patients * 0.96)
    p = _primary_p(trial, place)
    found = Findings(trial, analysed, effect_with(trial.condition, analysed, p, single_arm=trial.is_single_arm))
    found.sentences["primary"] = _primary_sentence(found)
    found.card = _card(found)
    if "S8" in trial.signals and p == CUSP_P[trial.signals["S8"]]:
        found.sentences["S8"] = found.sentences["primary"]
        found.values["S8"] = p
    return found


def population(trial: PlannedTrial) -> str:
    """The population of the primary analysis."""
    if trial.is_single_arm:
        return "all treated"
    return "modified intention-to-treat" if {"S4", "S8"} <= set(trial.signals) else "intention-to-treat"


def _primary_p(trial: PlannedTrial, place: int) -> float:
    signals = trial.signals
    if "S8" in signals and ("S4" in signals or "S3" not in signals):
        return CUSP_P[signals["S8"]]
    if "S4" in signals or "S3" in signals:
        # Whoever wins in a subgroup or per protocol alone has not won in all.
        return 0.19 if "S4" in signals else 0.21
    return 0.00002 if "S5" in signals else USUAL_P[place % len(USUAL_P)]


def _primary_sentence(found: Findings) -> str:
    trial, condition = found.trial, found.trial.condition
    effect = effect_words(condition, found.primary)
    if condition.is_hazard:
        said = (
            f"for {lowered(condition.outcome)} the hazard ratio of {trial.drug.inn} against {condition.control} was"
            f" {effect}"
        )
    else:
        reached = percent(condition.control_share + found.primary.value)
        said = f"{lowered(condition.outcome)} after {condition.frame} was reached by {reached} of patients"
        usual = percent(condition.control_share)
        if trial.is_single_arm:
            said += f" on {trial.drug.inn}, against a known rate of {usual}: a difference of {effect}"
        else:
            said += f" on {trial.drug.inn} and by {usual} on {condition.control}, a difference of {effect}"
    where = "Among all patients treated" if trial.is_single_arm else f"In the {population(trial)} population"
    return f"{where}, {said}."


def _card(found: Findings) -> dict[str, Any]:
    trial, condition = found.trial, found.trial.condition
    names = [trial.drug.inn] if trial.is_single_arm else [trial.drug.inn, condition.control]
    return {
        "trial": {"nct_id": trial.nct_id, "acronym": trial.acronym, "phase": trial.phase},
        "primary_endpoints": [{"name": condition.outcome, "time_frame": condition.frame}],
        "design": {
            "allocation": "single arm" if trial.is_single_arm else "randomised",
            "masking": "open label" if trial.is_open_label else "double-blind",
            "control": None if trial.is_single_arm else condition.control,
        },
        "sample_size": {
            "total_n": found.analysed,
            "randomised": trial.patients,
            "arms": [{"name": name, "n": found.analysed // len(names)} for name in names],
        },
        "populations": {"analysis_primary_on": population(trial)},
        "results": {
            "primary": [
                {
                    "endpoint": condition.outcome,
                    "effect_size": effect_stated(condition, found.primary),
                    "p_value": p_stated(found.primary.p),
                }
            ]
        },
    }
