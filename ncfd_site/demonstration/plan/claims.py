"""What the heuristics claim of the documents, by their rules, and whether it is true.

The rules are those of HP-1, HP-3 and HP-4; the claims of HP-2 come from the loader of registry records. The evidence
has the same form: the words, the page (from 1), and the first and one past the last code point on it (from 0).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any

from ncfd_site.demonstration.catalogue.drugs import Drug
from ncfd_site.demonstration.plan.publications import Publication
from ncfd_site.demonstration.plan.trials import PlannedTrial

# Characters between the trial's number and the name of the drug, at most.
NEAR = 250
LINK_TYPE = "publication_reports_trial"
CONFIDENCE = {"HP-1": Decimal("1.00"), "HP-2": Decimal("0.95"), "HP-3": Decimal("0.90"), "HP-4": Decimal("0.85")}


@dataclass(frozen=True, slots=True)
class Claim:
    """That a document ties a drug to a trial; `is_true` is what a careful reader would say."""

    heuristic: str
    publication: Publication
    drug: Drug
    nct_id: str
    evidence: dict[str, Any]
    is_true: bool


@dataclass(frozen=True, slots=True)
class Found:
    """Words on a page of a text."""

    page_no: int
    start: int
    end: int

    def distance(self, other: "Found") -> int:
        """Characters between two places on the same page."""
        return max(other.start - self.end, self.start - other.end, 0)


def claims_of(publications: Sequence[Publication]) -> list[Claim]:
    """Every claim, in the order of the documents."""
    return [claim for one in publications for rule in (_near, _release, _abstract) for claim in rule(one)]


def places(pages: Sequence[str], words: str) -> Iterator[Found]:
    """Where whole words stand on the pages, in any letter case."""
    pattern = re.compile(rf"(?<![\w-]){re.escape(words)}(?!\w)", re.IGNORECASE)
    for number, page in enumerate(pages, start=1):
        for match in pattern.finditer(page):
            yield Found(number, *match.span())


def _near(one: Publication) -> Iterator[Claim]:
    """HP-1: the number of a trial close to the name of a drug."""
    for drug, trial in product(one.drugs, filter(None, (one.trial, one.other))):
        pairs = [
            (number.distance(name), number, name, alias)
            for alias in drug.names
            for number, name in product(places(one.pages, trial.nct_id), places(one.pages, alias))
            if number.page_no == name.page_no and number.distance(name) <= NEAR
        ]
        if pairs:
            distance, number, name, alias = min(pairs, key=lambda pair: (pair[0], pair[1].page_no, pair[1].start))
            place = Found(number.page_no, min(number.start, name.start), max(number.end, name.end))
            yield _claim("HP-1", one, drug, trial, place, matched_alias=alias, distance=distance)


def _release(one: Publication) -> Iterator[Claim]:
    """HP-3: a company's release that has a drug's code and INN; the trial is the one that the release is about."""
    if one.source_type not in ("PR", "IR"):
        return
    for drug in one.drugs:
        code, inn = next(places(one.pages, drug.code), None), next(places(one.pages, drug.inn), None)
        if code and inn:
            both = Found(inn.page_no, min(code.start, inn.start), max(code.end, inn.end))
            near = code.page_no == inn.page_no and code.distance(inn) <= NEAR
            yield _claim(
                "HP-3", one, drug, one.trial, both if near else inn, matched_alias=drug.inn, matched_code=drug.code
            )


def _abstract(one: Publication) -> Iterator[Claim]:
    """HP-4: an abstract with the drug in its title, and phase or condition in its body."""
    if one.source_type != "Abstract":
        return
    body = one.pages[0][len(one.title) :]
    stated = next((said for said in (one.trial.phase_words, one.trial.condition.population) if said in body), None)
    if stated and one.drugs[0].title in one.title:
        title = Found(1, 0, len(one.title))
        yield _claim("HP-4", one, one.drugs[0], one.trial, title, matched_alias=one.drugs[0].title, in_body=stated)


def _claim(heuristic: str, one: Publication, drug: Drug, trial: PlannedTrial, place: Found, **more: str | int) -> Claim:
    evidence = {
        "quote": one.pages[place.page_no - 1][place.start : place.end],
        "page_no": place.page_no,
        "char_start": place.start,
        "char_end": place.end,
        "nct_id": trial.nct_id,
        "source_url": one.source_url,
        **more,
    }
    return Claim(heuristic, one, drug, trial.nct_id, evidence, is_true=drug in trial.given)
