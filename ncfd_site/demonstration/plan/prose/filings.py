"""What goes to authorities, and comes from them, as pages of text."""

from datetime import date

from ncfd_site.demonstration.plan.findings import Findings
from ncfd_site.demonstration.plan.prose import phrases
from ncfd_site.demonstration.plan.trials import PlannedTrial


def current_report(found: Findings, published: date) -> list[str]:
    """A Form 8-K that repeats the primary result."""
    trial, maker = found.trial, found.trial.drug.company
    parts = [
        f"FORM 8-K of {maker.name}, date of report {phrases.written(published)}",
        "Item 8.01 Other Events",
        (
            f"On {phrases.written(published)}, the company announced first results of its trial {trial.acronym}"
            f" ({trial.nct_id}) of {trial.drug.inn} in {trial.condition.population}. {found.sentences['primary']}"
        ),
        "A copy of the press release is attached as Exhibit 99.1.",
        phrases.INVENTED,
    ]
    return ["\n\n".join(parts)]


def advice(trial: PlannedTrial, published: date) -> list[str]:
    """The minutes of a meeting between the agency and a sponsor."""
    drug = trial.drug
    parts = [
        f"Meeting minutes, type C, {phrases.written(published)}: {drug.title} for {trial.condition.name}",
        f"Sponsor: {drug.company.name}\nProduct: {drug.inn} ({drug.code})\nProtocol: {trial.acronym}, {trial.nct_id}",
        "Question 1. Does the agency agree that the endpoint can support an application?",
        (
            f"Answer. {phrases.endpoint(trial)} The agency advises the sponsor to keep it as registered, to control the"
            " type I error over all endpoints, and to analyse everybody who was randomised."
        ),
        phrases.INVENTED,
    ]
    return ["\n\n".join(parts)]
