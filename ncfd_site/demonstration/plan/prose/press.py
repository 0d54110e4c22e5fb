"""Press releases and pipeline updates of companies, as pages of text."""

from collections.abc import Sequence
from datetime import date

from ncfd_site.demonstration.catalogue.companies import Maker
from ncfd_site.demonstration.plan.findings import Findings
from ncfd_site.demonstration.plan.prose import phrases
from ncfd_site.demonstration.plan.trials import PlannedTrial


def results(found: Findings, published: date, place: int, other: PlannedTrial | None) -> list[str]:
    """A release with results; `other` is a trial of somebody else that it mentions, if any."""
    trial, maker = found.trial, found.trial.drug.company
    first = [
        _headline(found),
        (
            f"{maker.city.upper()}, {phrases.written(published)}. {maker.listed_as} today reported first results of"
            f" {trial.acronym}, a {trial.kind_words} of {trial.drug.inn} ({trial.drug.code}),"
            f" {trial.drug.description}."
        ),
        phrases.treated(trial, found.analysed) + " " + phrases.endpoint(trial),
        found.text,
        phrases.harms(found, place),
        _remark(found, place),
    ]
    if other is not None:
        first.append(
            f"Readers of the field will compare {trial.drug.inn} with {other.acronym} ({other.nct_id}), a trial of"
            f" another company with another endpoint; its results say nothing of {trial.drug.code}."
        )
    return ["\n\n".join(first), _about(trial)]


def progress(trial: PlannedTrial, published: date, place: int) -> list[str]:
    """A release without results: a trial is on its way."""
    maker, drug = trial.drug.company, trial.drug
    news = (
        ("Completes Enrolment of", "has completed enrolment of")
        if place % 2
        else ("Treats First Patient in", "has treated the first patient in")
    )
    first = [
        f"{maker.short} {news[0]} {trial.acronym} Trial of {drug.title}",
        (
            f"{maker.city.upper()}, {phrases.written(published)}. {maker.listed_as} {news[1]} {trial.acronym}, a"
            f" {trial.kind_words} of {drug.inn} ({drug.code}) in {trial.condition.population}."
        ),
        (
            f"“This is a step that our teams have worked for,” said {phrases.person(place)}, chief medical officer of"
            f" {maker.short}. “We thank everybody who takes part.”"
        ),
    ]
    return ["\n\n".join(first), _about(trial)]


def pipeline(maker: Maker, trials: Sequence[PlannedTrial], published: date) -> list[str]:
    """An update for investors: every trial in a line, and the number of the next one to be read out."""
    lines = [
        f"- {trial.drug.title} ({trial.drug.code}), {trial.phase_words}, {trial.condition.name}: {trial.acronym},"
        f" {trial.patients} patients, readout planned for {trial.readout:%B %Y}"
        for trial in trials
    ]
    following = min(trials, key=lambda trial: trial.readout)
    parts = [
        f"{maker.name}: pipeline update, {published:%B %Y}",
        f"{maker.listed_as} reviewed its clinical programmes with investors on {phrases.written(published)}.",
        "\n".join(lines),
        (
            "Costs of research and development rose by a tenth against the year before, as planned, because two trials"
            " enrolled faster than expected. The company expects that its cash lasts for at least two more years, and"
            " it does not plan to issue shares before then."
        ),
        f"The next readout is that of {following.acronym} ({following.nct_id}), a trial of {following.drug.inn}.",
        phrases.INVENTED,
    ]
    return ["\n\n".join(parts)]


def _headline(found: Findings) -> str:
    trial, maker = found.trial, found.trial.drug.company
    drug = trial.drug.title
    if "S4" in trial.signals:
        return f"{maker.short} Reports Per-Protocol Success of {drug} in {trial.acronym}"
    if "S3" in trial.signals:
        return f"{maker.short} Reports Benefit of {drug} in an Important Subgroup of {trial.acronym}"
    if not found.is_positive:
        return f"{maker.short} Gives Update on {trial.acronym} Trial of {drug}"
    return f"{maker.short} Reports Positive First Results of {drug} in {trial.condition.name}"


def _remark(found: Findings, place: int) -> str:
    maker = found.trial.drug.company
    said = (
        "These results are what patients have waited for"
        if found.is_positive
        else "We see encouraging consistency across the data"
    )
    return (
        f"“{said},” said {phrases.person(place)}, chief medical officer of {maker.short}. “We look forward to the"
        f" final readout in {found.trial.readout:%B %Y}.”"
    )


def _about(trial: PlannedTrial) -> str:
    maker = trial.drug.company
    parts = [
        f"About {trial.drug.inn}",
        phrases.is_what(trial.drug),
        f"About {trial.acronym}",
        phrases.about_trial(trial),
        f"About {maker.short}",
        (
            f"{maker.name} of {maker.city} develops medicines for {trial.condition.population} and others"
            f" (www.{maker.domain})."
        ),
        phrases.INVENTED,
    ]
    return "\n\n".join(parts)
