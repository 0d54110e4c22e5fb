"""The documents beside the registry's: what was published of which trial, where and when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from itertools import groupby

from ncfd_site.demonstration.catalogue.drugs import Drug
from ncfd_site.demonstration.plan.calendar import Calendar
from ncfd_site.demonstration.plan.findings import Findings
from ncfd_site.demonstration.plan.prose import filings, journal, press
from ncfd_site.demonstration.plan.tellers import findings_of
from ncfd_site.demonstration.plan.trials import PlannedTrial

CONGRESS = "Congress of Imaginary Medicine"
JOURNAL = "Journal of Imaginary Medicine"
AGENCY = "Agency for Fictional Medicines"
# How long after the release an abstract and a paper of the same result come out.
TO_ABSTRACT = timedelta(days=18)
TO_PAPER = timedelta(days=50)
# Of the published trials, every so many a report to the exchange, and a mention of a competitor.
REPORTED = 4
COMPARED = 6
PIPELINES = 8
ADVISED = 3


@dataclass(frozen=True, slots=True)
class Publication:
    """A document: its address, its text, and what it is about. `found` is None where it has no results."""

    source_type: str
    source_url: str
    publisher: str
    published: date
    pages: list[str]
    trial: PlannedTrial
    drugs: Sequence[Drug]
    other: PlannedTrial | None = None
    found: Findings | None = None

    @property
    def title(self) -> str:
        """Its first line."""
        return self.pages[0].partition("\n")[0]

    @property
    def is_web_page(self) -> bool:
        """Whether its bytes are HTML; plain text otherwise."""
        return self.source_type in ("PR", "IR", "SEC_8K")

    @property
    def content(self) -> bytes:
        """The bytes from which its text was read."""
        text = "\n\n".join(self.pages)
        if not self.is_web_page:
            return text.encode()
        body = "".join(f"<p>{escape(part)}</p>\n" for part in text.split("\n\n"))
        page = f"<!doctype html>\n<html lang=en><title>{escape(self.title)}</title>\n{body}</html>\n"
        return page.encode()


def publications(trials: Sequence[PlannedTrial], calendar: Calendar) -> list[Publication]:
    """Every document, oldest first."""
    with_results = [trial for trial in trials if trial.published]
    without = [trial for trial in trials if not trial.published]
    found = [
        *(one for place, trial in enumerate(with_results) for one in _results(trial, place, trials, calendar)),
        *(one for place, trial in enumerate(without) for one in _progress(trial, place, calendar)),
        *_pipelines(trials, calendar),
        *_advice(with_results),
    ]
    return sorted(found, key=lambda one: (one.published, one.source_url))


def _results(
    trial: PlannedTrial, place: int, trials: Sequence[PlannedTrial], calendar: Calendar
) -> Iterator[Publication]:
    released = trial.published
    assert released is not None  # noqa: S101 (only published trials come here)
    found = findings_of(trial, place)
    other = _competitor(trial, trials) if place % COMPARED == 1 else None
    yield _release(trial, released, press.results(found, released, place, other), other, found)
    if place % REPORTED == 0:
        address = f"https://filings.example/{trial.drug.company.cik}/{released}"
        pages = filings.current_report(found, released)
        yield Publication("SEC_8K", address, trial.drug.company.name, released, pages, trial, [trial.drug], found=found)
    presented = released + TO_ABSTRACT
    with_number = place % 2 == 0
    if presented < calendar.today:
        pages = journal.result_abstract(found, f"{CONGRESS}, {presented.year}", place, with_number=with_number)
        yield _abstract(trial, presented, pages, found)
    else:
        presented = released - TO_PAPER
        pages = journal.design_abstract(trial, f"{CONGRESS}, {presented.year}", place, with_number=with_number)
        yield _abstract(trial, presented, pages, None)
    printed = released + TO_PAPER
    if printed < calendar.today and place % 2:
        pages = journal.paper(found, f"{JOURNAL}, {printed.year}", place)
        address = f"https://journal.example/{printed.year}/{trial.acronym.lower()}"
        yield Publication("Paper", address, JOURNAL, printed, pages, trial, [trial.drug], found=found)


def _progress(trial: PlannedTrial, place: int, calendar: Calendar) -> Iterator[Publication]:
    day = calendar.day(-12 - place * 37 % 200)
    if trial.is_public or place % 2:
        pages = journal.design_abstract(trial, f"{CONGRESS}, {day.year}", place, with_number=place % 3 != 0)
        yield _abstract(trial, day, pages, None)
    else:
        yield _release(trial, day, press.progress(trial, day, place // 2), None, None)


def _pipelines(trials: Sequence[PlannedTrial], calendar: Calendar) -> Iterator[Publication]:
    own = sorted((trial for trial in trials if not trial.is_public), key=lambda trial: trial.drug.maker)
    groups = [(maker, list(group)) for maker, group in groupby(own, key=lambda trial: trial.drug.company)]
    day = calendar.day(-46)
    for maker, group in [one for one in groups if one[0].ticker][:PIPELINES]:
        ahead = [trial for trial in group if trial.readout > day]
        following = min(ahead, key=lambda trial: trial.readout)
        drugs = {drug.key: drug for drug in (following.drug, *(trial.drug for trial in ahead))}
        pages = press.pipeline(maker, ahead, day)
        address = f"https://{maker.domain}/investors/{day}"
        yield Publication("IR", address, maker.name, day, pages, following, list(drugs.values()))


def _advice(trials: Sequence[PlannedTrial]) -> Iterator[Publication]:
    for trial in [trial for trial in trials if "S1" in trial.signals][:ADVISED]:
        day = (trial.published or trial.readout) - timedelta(days=40)
        address = f"https://agency.example/minutes/{trial.drug.code.lower()}"
        yield Publication("FDA", address, AGENCY, day, filings.advice(trial, day), trial, [trial.drug])


def _release(
    trial: PlannedTrial, day: date, pages: list[str], other: PlannedTrial | None, found: Findings | None
) -> Publication:
    maker = trial.drug.company
    address = f"https://{maker.domain}/news/{day}-{trial.acronym.lower()}"
    return Publication("PR", address, maker.name, day, pages, trial, trial.given, other, found)


def _abstract(trial: PlannedTrial, day: date, pages: list[str], found: Findings | None) -> Publication:
    address = f"https://congress.example/{day.year}/{trial.acronym.lower()}"
    return Publication("Abstract", address, CONGRESS, day, pages, trial, [trial.drug], found=found)


def _competitor(trial: PlannedTrial, trials: Sequence[PlannedTrial]) -> PlannedTrial:
    others = [other for other in trials if other.drug.maker != trial.drug.maker and not other.is_public]
    alike = [other for other in others if other.condition is trial.condition]
    return (alike or others)[int(trial.nct_id[-3:]) % len(alike or others)]
