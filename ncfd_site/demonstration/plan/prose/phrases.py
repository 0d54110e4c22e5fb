"""Sentences that several kinds of text share."""

from datetime import date

from ncfd_site.demonstration.catalogue.drugs import Drug
from ncfd_site.demonstration.plan.findings import Findings
from ncfd_site.demonstration.plan.trials import PlannedTrial
from ncfd_site.demonstration.plan.wording import lowered

INVENTED = "This text was invented for a demonstration of software: the company, the drug and the trial do not exist."
PEOPLE = (
    "Ada Nonesuch", "Lemuel Whitlock", "Beatrice Marchpane", "Ivo Quillfeather", "Dorothea Penhallow",
    "Cyril Thistlewood", "Nerissa Oakapple", "Tobias Merriweather", "Sybil Underhill", "Barnaby Fairlight",
)  # fmt: skip
HARMS = (
    "headache, nausea and fatigue",
    "nasopharyngitis, headache and back pain",
    "diarrhoea, rash and a rise of liver enzymes",
    "dizziness, dry mouth and insomnia",
)


def person(place: int) -> str:
    """An invented person; the same place is the same person."""
    return PEOPLE[place % len(PEOPLE)]


def written(day: date) -> str:
    """A day as prose has it: "10 November 2026"."""
    return f"{day.day} {day:%B %Y}"


def is_what(drug: Drug) -> str:
    """What a drug is, with its names."""
    brand = f", proposed trade name {drug.brand}" if drug.brand else ""
    return f"{drug.title} ({drug.code}{brand}) is {drug.description}. It is not approved anywhere."


def about_trial(trial: PlannedTrial) -> str:
    """What a trial is, with its number close to the name of the drug."""
    added = f", added to {trial.partner.inn}," if trial.partner else ""
    return (
        f"{trial.acronym} ({trial.nct_id}) is a {trial.kind_words} of"
        f" {trial.drug.inn}{added} in {trial.patients} {trial.condition.population}. {endpoint(trial)}"
        f" The final readout is planned for {trial.readout:%B %Y}."
    )


def endpoint(trial: PlannedTrial) -> str:
    """The primary endpoint as a sentence."""
    condition = trial.condition
    within = "within" if condition.is_hazard else "after"
    return f"The primary endpoint is {lowered(condition.outcome)} {within} {condition.frame}."


def treated(trial: PlannedTrial, patients: int) -> str:
    """Who was treated with what, as a sentence."""
    added = f" added to {trial.partner.inn}" if trial.partner else ""
    who = f"By the data cut-off, {patients} {trial.condition.population}"
    if trial.is_single_arm:
        return f"{who} had been treated with {trial.drug.inn}{added}."
    return f"{who} had been randomised 1:1 to {trial.drug.inn} or {trial.condition.control}{added}."


def harms(found: Findings, place: int) -> str:
    """The safety of the drug as a sentence."""
    serious = 3 + place * 5 % 9
    return (
        f"The most common adverse events on {found.trial.drug.inn} were {HARMS[place % len(HARMS)]}; serious adverse"
        f" events occurred in {serious}% of patients."
    )


def conclusion(found: Findings) -> str:
    """What authors make of the result."""
    trial = found.trial
    what = f"{trial.drug.inn} in {trial.condition.population}"
    if {"S3", "S4"} & trial.signals.keys():
        return f"Although the result in all patients was not conclusive, the data support further work on {what}."
    if not found.is_positive:
        return f"The trial did not show a benefit of {what}."
    return f"The data support the further development of {what}."
