"""The documents outside the registry: which texts appear of which trial, and when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from typing import Any

from ncfd_site.demo.catalog import Calendar, Drug, PlannedTrial
from ncfd_site.demo.findings import Findings, build_findings
from ncfd_site.demo.templates import Phrases, fill, read_toml

# Time from a press release to the abstract and the paper with the same result.
TO_ABSTRACT = timedelta(days=18)
TO_PAPER = timedelta(days=50)
# One in so many published trials has a report to the exchange, or a mention of a competitor.
REPORTED = 4
COMPARED = 6
# How many companies publish a pipeline update, and how many trials got advice of the agency.
PIPELINES = 8
ADVISED = 3


@dataclass(frozen=True, slots=True)
class Publication:
    """A document: text, state of its processing, and subject. `found` is None in a document without results."""

    source_type: str
    source_url: str
    publisher: str
    content_type: str
    status: str
    oa_status: str
    coverage: str
    pages: list[str]
    published: date
    trial: PlannedTrial
    drugs: Sequence[Drug]
    other: PlannedTrial | None
    found: Findings | None

    @property
    def title(self) -> str:
        """The first line."""
        return self.pages[0].partition("\n")[0]

    @property
    def content(self) -> bytes:
        """The bytes of the document."""
        text = "\n\n".join(self.pages)
        if "html" in self.content_type:
            body = "".join(f"<p>{escape(part)}</p>\n" for part in text.split("\n\n"))
            text = f"<!doctype html>\n<html lang=en><title>{escape(self.title)}</title>\n{body}</html>\n"
        return text.encode()


def build_publications(trials: Sequence[PlannedTrial], calendar: Calendar) -> list[Publication]:
    """Return every document, oldest first."""
    with_results = [trial for trial in trials if trial.published]
    without = [trial for trial in trials if not trial.published]
    published = [
        *(one for place, trial in enumerate(with_results) for one in _publish_results(trial, place, trials, calendar)),
        *(_publish_progress(trial, place, calendar) for place, trial in enumerate(without)),
        *_publish_pipelines(trials, calendar),
        *(
            _publish("advice", trial, (trial.published or trial.readout) - timedelta(days=40), 0)
            for trial in [trial for trial in with_results if "S1" in trial.signals][:ADVISED]
        ),
    ]
    return sorted(published, key=lambda one: (one.published, one.source_url))


def build_phrases(trial: PlannedTrial, **values: Any) -> Phrases:
    """Return the phrases about a trial, with more values."""
    drug = trial.drug
    return Phrases(trial=trial, drug=drug, company=drug.company, condition=trial.condition, **values)


def _publish_results(
    trial: PlannedTrial, place: int, trials: Sequence[PlannedTrial], calendar: Calendar
) -> Iterator[Publication]:
    assert trial.published is not None  # noqa: S101 (the caller passes published trials only)
    released, found = trial.published, build_findings(trial)
    other = _choose_competing_trial(trial, trials) if place % COMPARED == 1 else None
    with_number = place % 2 == 0
    yield _publish("release", trial, released, place, drugs=trial.drugs, other=other, found=found)
    if place % REPORTED == 0:
        yield _publish("current_report", trial, released, place, found=found)
    if released + TO_ABSTRACT < calendar.today:
        yield _publish("result_abstract", trial, released + TO_ABSTRACT, place, found=found, with_number=with_number)
    else:
        yield _publish("design_abstract", trial, released - TO_PAPER, place, with_number=with_number)
    if released + TO_PAPER < calendar.today and place % 2:
        yield _publish("paper", trial, released + TO_PAPER, place, found=found)


def _publish_progress(trial: PlannedTrial, place: int, calendar: Calendar) -> Publication:
    day = calendar.day(-12 - place * 37 % 200)
    if trial.is_public or place % 2:
        return _publish("design_abstract", trial, day, place, with_number=place % 3 != 0)
    return _publish("progress", trial, day, place // 2, drugs=trial.drugs, is_enrolled=place // 2 % 2 == 1)


def _publish_pipelines(trials: Sequence[PlannedTrial], calendar: Calendar) -> Iterator[Publication]:
    day = calendar.day(-46)
    by_company: dict[str, list[PlannedTrial]] = {}
    for trial in trials:
        if trial.readout > day and trial.drug.company.ticker and not trial.is_public:
            by_company.setdefault(trial.drug.company.key, []).append(trial)
    for _, ahead in sorted(by_company.items())[:PIPELINES]:
        following = min(ahead, key=lambda trial: trial.readout)
        drugs = {drug.key: drug for drug in (following.drug, *(trial.drug for trial in ahead))}
        lines = "\n".join(build_phrases(trial)["line"] for trial in ahead)
        yield _publish("pipeline", following, day, 0, drugs=list(drugs.values()), lines=lines)


def _publish(text: str, trial: PlannedTrial, day: date, place: int, **values: Any) -> Publication:
    """Return a document with a text of `texts.toml`; `place` varies the names in it."""
    subject = {
        key: values.pop(key, default) for key, default in (("drugs", [trial.drug]), ("other", None), ("found", None))
    }
    phrases = read_toml("phrases")
    persons, adverse_events = phrases["persons"], phrases["adverse_events"]
    values |= {
        "published": day,
        "acronym": trial.acronym.lower(),
        "persons": [persons[(place + step) % len(persons)] for step in range(7)],
        "adverse_events": adverse_events[place % len(adverse_events)],
        "serious": 3 + place * 5 % 9,
    }
    filled = fill(read_toml("texts")[text], build_phrases(trial, **subject, **values))
    filled["pages"] = ["\n\n".join(filter(None, page)) for page in filled["pages"]]
    return Publication(published=day, trial=trial, **subject, **filled)


def _choose_competing_trial(trial: PlannedTrial, trials: Sequence[PlannedTrial]) -> PlannedTrial:
    others = [other for other in trials if other.drug.company is not trial.drug.company and not other.is_public]
    alike = [other for other in others if other.condition is trial.condition]
    return (alike or others)[int(trial.nct_id[-3:]) % len(alike or others)]
