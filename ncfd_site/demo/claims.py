"""Links that the heuristics HP-1, HP-3 and HP-4 propose, by their rules; the registry loader proposes those of HP-2.

Evidence has the form of the real heuristics: the quoted text, its page (from 1), and its code points (from 0).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from ncfd_site.demo.catalog import Drug, PlannedTrial
from ncfd_site.demo.publications import Publication

# Characters between the NCT ID and the name of the drug, at most.
NEAR = 250


@dataclass(frozen=True)
class Claim:
    """A proposed link of a drug and a trial."""

    heuristic: str
    publication: Publication
    drug: Drug
    trial: PlannedTrial
    evidence: dict[str, Any]


@dataclass(frozen=True, order=True)
class Span:
    """A range of characters on a page."""

    page_no: int
    start: int
    end: int

    def distance(self, other: "Span") -> int:
        """Return the characters between two spans of the same page."""
        return max(other.start - self.end, self.start - other.end, 0)


def build_claims(publications: Sequence[Publication]) -> list[Claim]:
    """Return every proposed link, in the order of the documents."""
    return [claim for one in publications for rule in (_find_hp1, _find_hp3, _find_hp4) for claim in rule(one)]


def find_spans(pages: Sequence[str], words: str) -> Iterator[Span]:
    """Find whole words on the pages, in any letter case."""
    pattern = re.compile(rf"(?<![\w-]){re.escape(words)}(?!\w)", re.IGNORECASE)
    for page_no, page in enumerate(pages, start=1):
        for match in pattern.finditer(page):
            yield Span(page_no, *match.span())


def _find_hp1(one: Publication) -> Iterator[Claim]:
    """Yield the links of HP-1: an NCT ID close to the name of a drug."""
    for drug, trial in product(one.drugs, filter(None, (one.trial, one.other))):
        pairs = [
            (number.distance(name), number, name, alias)
            for alias in drug.names
            for number, name in product(find_spans(one.pages, trial.nct_id), find_spans(one.pages, alias))
            if number.page_no == name.page_no and number.distance(name) <= NEAR
        ]
        if pairs:
            distance, number, name, alias = min(pairs)
            yield _build_claim("HP-1", one, drug, trial, [number, name], matched_alias=alias, distance=distance)


def _find_hp3(one: Publication) -> Iterator[Claim]:
    """Yield the links of HP-3: a company's document with code and INN of a drug, linked to the trial it is about."""
    for drug in one.drugs if one.source_type in ("PR", "IR") else ():
        code, inn = next(find_spans(one.pages, drug.code), None), next(find_spans(one.pages, drug.inn), None)
        if code and inn:
            is_near = code.page_no == inn.page_no and code.distance(inn) <= NEAR
            spans = [inn, code] if is_near else [inn]
            yield _build_claim("HP-3", one, drug, one.trial, spans, matched_alias=drug.inn, matched_code=drug.code)


def _find_hp4(one: Publication) -> Iterator[Claim]:
    """Yield the links of HP-4: an abstract with the drug in its title, and phase or condition in its body."""
    body, drug, title = one.pages[0][len(one.title) :], one.drugs[0], Span(1, 0, len(one.title))
    stated = [words for words in (one.trial.phase_words, one.trial.condition.population) if words in body]
    if one.source_type == "Abstract" and stated and drug.title in one.title:
        yield _build_claim("HP-4", one, drug, one.trial, [title], matched_alias=drug.title, in_body=stated[0])


def _build_claim(
    heuristic: str, one: Publication, drug: Drug, trial: PlannedTrial, spans: Sequence[Span], **more: str | int
) -> Claim:
    page_no, start, end = spans[0].page_no, min(span.start for span in spans), max(span.end for span in spans)
    place = {"quote": one.pages[page_no - 1][start:end], "page_no": page_no, "char_start": start, "char_end": end}
    return Claim(heuristic, one, drug, trial, {**place, "nct_id": trial.nct_id, "source_url": one.source_url, **more})
