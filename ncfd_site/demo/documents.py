"""Documents with their bytes and text, the parts found in them, the studies that they report, and stored objects."""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from ncfd_site.core import sql
from ncfd_site.demo.claims import Span, find_spans
from ncfd_site.demo.loader import Loader
from ncfd_site.demo.publications import Publication
from ncfd_site.demo.templates import fill, read_toml
from signals.models import Study
from storage.loading import NewDocument
from storage.loading import add_documents as load_documents
from storage.models import StorageObject

# PubMed is far from these numbers.
FIRST_PMID = 99_000_001
# One in so many documents has a note, or a study card that a person built.
NOTED = 5
BUILT = 9
_P_VALUE = re.compile(r"p [=<] 0\.\d+")
_DOCUMENT_TIMES = """
UPDATE documents SET discovered_at = published_at + interval '6 hours',
    fetched_at = CASE WHEN status <> 'discovered' THEN published_at + interval '7 hours' END,
    parsed_at = CASE WHEN status NOT IN ('discovered', 'fetched', 'error') THEN published_at + interval '8 hours' END,
    error_msg = CASE WHEN status = 'error' THEN 'The server answered 404 Not Found: the page has moved.' END,
    oa_status = (CASE source_type WHEN 'Paper' THEN 'green' WHEN 'Abstract' THEN 'open' WHEN 'SEC_8K' THEN 'open'
                 ELSE 'unknown' END)::oa_status
WHERE crawl_run_id LIKE 'demonstration:%%'
"""
# The database records what the cards of pivotal trials lack.
_ERROR_TIMES = "UPDATE staging_errors e SET created_at = s.created_at FROM studies s WHERE s.study_id = e.study_id"
_STUDY_OBJECTS = "UPDATE studies s SET object_id = d.object_id FROM documents d WHERE d.source_url = s.url"
_STUDY_REFERENCES = """
INSERT INTO storage_references (object_id, reference_type, referenced_id)
SELECT object_id, 'study', study_id FROM studies ORDER BY study_id
"""
# An object is as old as its first document, and was last used when that was read.
_OBJECT_TIMES = """
UPDATE storage_objects o SET created_at = d.at, last_accessed = d.at + interval '2 hours'
FROM (SELECT sha256, min(discovered_at) AS at FROM documents GROUP BY sha256) d WHERE d.sha256 = o.sha256
"""
_REFERENCE_TIMES = """
UPDATE storage_references r SET created_at = o.created_at FROM storage_objects o WHERE o.object_id = r.object_id
"""


def add_documents(loader: Loader) -> None:
    """Add every document with its text, parts and study, and some whose text nothing could read."""
    template = read_toml("rows")["documents"]
    documents = [NewDocument(**fill(template, {"document": one})) for one in loader.publications]
    loader.document_ids = load_documents(documents, loader.store)
    for row in loader.fixed("unread"):
        load_documents([NewDocument(**{**row, "content": row["content"].encode()})], loader.store)
    sql.execute(_DOCUMENT_TIMES)
    _add_parts(loader)
    _add_studies(loader)


def add_content(loader: Loader) -> None:
    """Add references of studies, archived and superseded objects, events, and bytes that wait to be deleted."""
    for statement in (_STUDY_OBJECTS, _STUDY_REFERENCES, _OBJECT_TIMES, _REFERENCE_TIMES):
        sql.execute(statement)
    stored = {row["name"]: loader.store.put(row["text"].encode() * row["times"]) for row in loader.fixed("bytes")}
    objects = StorageObject.objects.order_by("pk")
    values = {
        "stored": stored,
        "objects": list(objects[:3]),
        "papers": list(objects.filter(documents__source_type="Paper")[:4]),
        "releases": list(objects.filter(documents__source_type="PR", documents__status="card_built")[:3]),
    }
    loader.add_fixed("storage_objects", **values)
    values["archived"] = list(objects.filter(backend_type="s3"))
    for table in ("storage_references", "storage_events", "storage_tombstones"):
        loader.add_fixed(table, **values)
    sql.execute(_OBJECT_TIMES)
    # The page on S3 is in no document.
    loader.backdate(loader.calendar.at(-95, 6))
    for row in loader.fixed("bytes"):
        if row.get("is_deleted"):
            loader.store.delete(stored[row["name"]].uri)


def _add_parts(loader: Loader) -> None:
    """Add the entities, tables, citations and notes of the documents."""
    loader.add("document_entities", (row for one in loader.publications for row in _build_entities(loader, one)))
    loader.add("document_tables", (loader.about(one) for one in loader.publications if one.source_type == "Paper"))
    cited = [one for one in loader.publications if one.source_type in ("Paper", "Abstract") and one.found]
    places = [{**loader.about(one), "place": place, "pmid": FIRST_PMID + place} for place, one in enumerate(cited)]
    loader.add("document_citations", places)
    notes = loader.fixed("notes")
    loader.add("document_notes", ({**row, **notes[row["place"] // NOTED % len(notes)]} for row in places[::NOTED]))


def _add_studies(loader: Loader) -> None:
    """Add a study for each document with a card, and the links of all documents."""
    reported = enumerate(one for one in loader.publications if one.coverage)
    rows = [
        {**loader.about(one), "card": _build_study_card(loader, one, place), "is_built": place % BUILT == 4}
        for place, one in reported
    ]
    loader.add("studies", rows)
    sql.execute(_ERROR_TIMES)
    loader.study_ids = {url: pk for url, pk in Study.objects.values_list("url", "pk") if url}
    loader.add("document_links", map(loader.about, loader.publications))


def _build_entities(loader: Loader, one: Publication) -> Iterator[dict[str, Any]]:
    """Yield a row of `document_entities` for each NCT ID, drug and p-value in the text of a publication."""

    def build_entity(kind: str, span: Span, norm: str, confidence: str) -> dict[str, Any]:
        text = one.pages[span.page_no - 1][span.start : span.end]
        return loader.about(one) | {"type": kind, "span": span, "text": text, "norm": norm, "confidence": confidence}

    for trial in filter(None, (one.trial, one.other)):
        for span in find_spans(one.pages, trial.nct_id):
            yield build_entity("NCT ID", span, trial.nct_id, "1.00")
    for drug in one.drugs:
        for name in drug.names:
            if first := next(find_spans(one.pages, name), None):
                yield build_entity("drug", first, drug.inn, "0.98" if name == drug.inn else "0.91")
    for page_no, page in enumerate(one.pages, start=1):
        for match in _P_VALUE.finditer(page):
            norm = match.group().removeprefix("p ").removeprefix("= ").replace(" ", "")
            yield build_entity("p-value", Span(page_no, *match.span()), norm, "0.94")


def _build_study_card(loader: Loader, one: Publication, place: int) -> dict[str, Any]:
    assert one.found is not None  # noqa: S101 (documents with a card have results)
    quote = one.found.sentences["primary"]
    card = deepcopy(one.found.card) | {"source": {"doc_id": loader.document_ids[one.source_url], "quote": quote}}
    if one.source_type == "Paper":
        card["sample_size"]["total_n"] = f"{one.found.analyzed} participants"
    if one.source_type == "Abstract":
        parts = loader.fixed("abstract_cards", **loader.about(one))
        card |= parts[place % len(parts)]
    return card
