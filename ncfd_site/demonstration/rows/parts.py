"""What was read out of the documents: things recognised, tables, citations, notes, and links to trials."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ncfd_site.core import sql
from ncfd_site.demonstration.plan.calendar import Calendar, moment
from ncfd_site.demonstration.plan.claims import Found, places
from ncfd_site.demonstration.plan.publications import Publication
from ncfd_site.demonstration.plan.wording import percent
from storage.models import DocumentCitation, DocumentNote, DocumentTable

DETECTOR = "lexicon 3.1"
# Invented identifiers: a DOI prefix that is kept for tests, and numbers that PubMed is far from.
DOI_PREFIX = "10.5555/ncfd"
FIRST_PMID = 99_000_001
NOTED = 5
NOTES = (
    ("ana", "The figures agree with those on the study card."),
    ("adam", "Check against the **protocol**: the endpoint reads otherwise there."),
    ("rita", "Mentions a second trial; not ours."),
    ("ana", "Ask the company for the *full* table of adverse events."),
)
ENTITIES = (
    "doc_id", "page_no", "ent_type", "value_text", "value_norm", "char_start", "char_end", "detector", "confidence",
    "created_at",
)  # fmt: skip
LINKS = ("doc_id", "nct_id", "asset_id", "company_id", "study_id", "link_type", "confidence", "created_at")
_P_VALUE = re.compile(r"p [=<] 0\.\d+")


def add_parts(publications: Sequence[Publication], documents: Mapping[str, int], calendar: Calendar) -> None:
    """Add the parts of every publication; `documents` are their numbers by address."""
    sql.copy("document_entities", ENTITIES, (row for one in publications for row in _entities(one, documents)))
    papers = [one for one in publications if one.source_type == "Paper"]
    DocumentTable.objects.bulk_create(
        DocumentTable(
            doc_id=documents[one.source_url], page_no=3, table_idx=1, table_jsonb=_outcomes(one), detector="grid 1.4"
        )
        for one in papers
    )
    cited = [one for one in publications if one.source_type in ("Paper", "Abstract") and one.found]
    DocumentCitation.objects.bulk_create(
        _citation(one, place, documents[one.source_url]) for place, one in enumerate(cited)
    )
    DocumentNote.objects.bulk_create(
        DocumentNote(
            doc_id=documents[one.source_url],
            author=NOTES[place % len(NOTES)][0],
            notes_md=NOTES[place % len(NOTES)][1],
            created_at=moment(one.published, 15),
            updated_at=moment(one.published, 15 + place % 3),
        )
        for place, one in enumerate(cited[::NOTED])
    )


def add_document_links(
    publications: Sequence[Publication],
    documents: Mapping[str, int],
    assets: Mapping[str, int],
    companies: Mapping[str, int],
    studies: Mapping[str, int],
) -> None:
    """Tie every publication to its trial, drug, company and study."""
    sql.copy(
        "document_links",
        LINKS,
        (
            (
                documents[one.source_url],
                one.trial.nct_id,
                assets[one.drugs[0].key],
                companies[one.drugs[0].maker],
                studies.get(one.source_url),
                "reports_trial" if one.found else "mentions_trial",
                "0.95" if one.found else "0.70",
                moment(one.published, 20, 15),
            )
            for one in publications
        ),
    )


def _entities(one: Publication, documents: Mapping[str, int]) -> Iterator[tuple[Any, ...]]:
    number, found_at = documents[one.source_url], moment(one.published, 20, 5)

    def row(kind: str, place: Found, norm: str, confidence: str) -> tuple[Any, ...]:
        text = one.pages[place.page_no - 1][place.start : place.end]
        return (
            number, place.page_no, kind, text, norm, place.start, place.end, DETECTOR, confidence, found_at
        )  # fmt: skip

    for trial in filter(None, (one.trial, one.other)):
        for place in places(one.pages, trial.nct_id):
            yield row("trial number", place, trial.nct_id, "1.00")
    for drug in one.drugs:
        for name in drug.names:
            first = next(places(one.pages, name), None)
            if first:
                yield row("drug", first, drug.inn, "0.98" if name == drug.inn else "0.91")
    for page_no, page in enumerate(one.pages, start=1):
        for match in _P_VALUE.finditer(page):
            stated = match.group().removeprefix("p ").removeprefix("= ").replace(" ", "")
            yield row("p-value", Found(page_no, *match.span()), stated, "0.94")


def _outcomes(one: Publication) -> dict[str, Any]:
    assert one.found is not None  # noqa: S101 (a paper has results)
    found, condition = one.found, one.trial.condition
    arms = found.card["sample_size"]["arms"]
    head = ["", *(f"{arm['name']} (n = {arm['n']})" for arm in arms)]
    effect = found.card["results"]["primary"][0]
    if condition.is_hazard:
        rows = [[condition.outcome, f"hazard ratio {effect['effect_size']['value']}", "reference"]]
    else:
        shares = [condition.control_share + found.primary.value, condition.control_share]
        rows = [[f"{condition.outcome}, {condition.frame}", *(percent(share) for share in shares[: len(arms)])]]
    rows.append(["p-value", str(effect["p_value"]), *[""] * (len(arms) - 1)])
    return {"caption": "Table 1. Outcomes by arm", "header": head, "rows": rows}


def _citation(one: Publication, place: int, number: int) -> DocumentCitation:
    doi = f"{DOI_PREFIX}.{one.published.year}.{place + 1:04}"
    is_paper = one.source_type == "Paper"
    return DocumentCitation(
        doc_id=number,
        doi=doi,
        pmid=str(FIRST_PMID + place) if is_paper else None,
        pmcid=f"PMC{FIRST_PMID + place}" if is_paper and place % 2 else None,
        crossref_jsonb={
            "DOI": doi,
            "title": [one.title],
            "container-title": [one.publisher],
            "issued": {"date-parts": [[one.published.year, one.published.month]]},
        },
        unpaywall_jsonb={"doi": doi, "is_oa": True, "oa_status": "green"} if is_paper else None,
    )
