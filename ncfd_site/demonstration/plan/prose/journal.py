"""Abstracts and papers, as pages of text."""

from ncfd_site.demonstration.plan.findings import Findings
from ncfd_site.demonstration.plan.prose import phrases
from ncfd_site.demonstration.plan.trials import PlannedTrial


def result_abstract(found: Findings, venue: str, place: int, *, with_number: bool) -> list[str]:
    """An abstract with results; not every congress asks for the registration number."""
    trial = found.trial
    parts = [
        _title(trial, f"first results of {trial.acronym}"),
        f"{_authors(place)}\n{venue}",
        f"Background. {phrases.is_what(trial.drug)}",
        (f"Methods. In this {trial.kind_words}, {phrases.treated(trial, found.analysed)} {phrases.endpoint(trial)}"),
        f"Results. {found.text} {phrases.harms(found, place)}",
        f"Conclusions. {phrases.conclusion(found)}",
    ]
    if with_number:
        parts.append(f"Registration. ClinicalTrials.gov {trial.nct_id}.")
    return ["\n\n".join([*parts, phrases.INVENTED])]


def design_abstract(trial: PlannedTrial, venue: str, place: int, *, with_number: bool) -> list[str]:
    """An abstract of a trial that is on its way."""
    number = f" ({trial.nct_id})" if with_number else ""
    parts = [
        _title(trial, f"rationale and design of {trial.acronym}"),
        f"{_authors(place)}\n{venue}",
        (
            f"Background. {phrases.is_what(trial.drug)} There is a need for better treatment of"
            f" {trial.condition.population}."
        ),
        (
            f"Design. {trial.acronym}{number} is a {trial.kind_words} that is to treat"
            f" {trial.patients} {trial.condition.population}. {phrases.endpoint(trial)}"
        ),
        f"Status. The trial is on its way; the readout is planned for {trial.readout:%B %Y}.",
        phrases.INVENTED,
    ]
    return ["\n\n".join(parts)]


def paper(found: Findings, journal: str, place: int) -> list[str]:
    """A paper on three pages: introduction, methods, results."""
    trial, condition = found.trial, found.trial.condition
    introduction = [
        _title(trial, f"the {trial.acronym} trial"),
        f"{_authors(place)}\n{journal}",
        "Introduction",
        (
            f"Treatment of {condition.population} leaves much to be desired. {phrases.is_what(trial.drug)}"
            " Earlier work in small groups had suggested an effect."
        ),
    ]
    methods = [
        "Methods",
        f"{phrases.about_trial(trial)} {phrases.treated(trial, found.analysed)}",
        "The protocol was approved by the ethics committee of each site, and all participants gave informed consent.",
        "Statistics",
        "All tests are two-sided at a level of 0.05. "
        + (
            "The hazard ratio comes from a proportional hazards model; survival was estimated after Kaplan and Meier."
            if condition.is_hazard
            else "Shares were compared by the difference of proportions with a normal approximation."
        ),
    ]
    results = [
        "Results",
        found.text,
        "Table 1 shows the outcomes by arm.",
        phrases.harms(found, place),
        "Discussion",
        (f"{phrases.conclusion(found)} A limit of the work is that patients were followed for {condition.frame} only."),
        phrases.INVENTED,
    ]
    return ["\n\n".join(page) for page in (introduction, methods, results)]


def _authors(place: int) -> str:
    return ", ".join(phrases.person(place + step) for step in range(0, 7, 3))


def _title(trial: PlannedTrial, what: str) -> str:
    return f"{trial.drug.title} in {trial.condition.population}: {what}"
