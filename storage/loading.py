"""Loading of documents: data, row, text pages, and the counted reference between them."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any

from ncfd_site.core import sql
from ncfd_site.ingest.batches import Stage
from storage.content import ContentStore, get_content_store
from storage.content.base import build_uri, parse_uri
from storage.models import Document

REFERENCE_TYPE = "document"

_STAGE = Stage(
    "load_document",
    {
        "source_type": "doc_source_type",
        "source_url": "text",
        "publisher": "text",
        "published_at": "timestamptz",
        "content_type": "text",
        "status": "doc_status",
        "crawl_run_id": "text",
        "sha256": "text",
        "storage_uri": "text",
        "size_bytes": "bigint",
        "doc_id": "bigint",
    },
)
_PAGES = Stage("load_page", {"source_url": "text", "page_no": "integer", "text": "text"})

_INSERT_DOCUMENTS = """
WITH added AS (
    INSERT INTO documents (source_type, source_url, publisher, published_at, content_type, status, crawl_run_id,
                           sha256, storage_uri, fetched_at, parsed_at)
    SELECT source_type, source_url, publisher, published_at, content_type, status, crawl_run_id,
           sha256, storage_uri, fetched, fetched
    FROM (SELECT *, CASE WHEN status <> 'discovered' THEN clock_timestamp() END AS fetched FROM load_document) listed
    ORDER BY source_url
    ON CONFLICT (source_url) DO NOTHING
    RETURNING doc_id, source_url
)
UPDATE load_document SET doc_id = added.doc_id FROM added WHERE load_document.source_url = added.source_url
"""
_INSERT_PAGES = """
INSERT INTO document_text_pages (doc_id, page_no, char_count, text)
SELECT d.doc_id, p.page_no, char_length(p.text), p.text
FROM load_page p JOIN load_document d USING (source_url) WHERE d.doc_id IS NOT NULL
"""
_COUNT_REFERENCES = """
WITH added AS (SELECT sha256, doc_id FROM load_document WHERE doc_id IS NOT NULL)
SELECT count(*)
FROM increment_storage_refcounts(
    ARRAY(SELECT sha256 FROM added ORDER BY doc_id),
    ARRAY(SELECT %(backend)s::text FROM added),
    ARRAY(SELECT %(reference)s::text FROM added),
    ARRAY(SELECT doc_id FROM added ORDER BY doc_id)
)
"""
_SET_SIZES = """
UPDATE storage_objects o SET size_bytes = d.size_bytes
FROM (SELECT DISTINCT sha256, size_bytes FROM load_document WHERE doc_id IS NOT NULL) d
WHERE o.sha256 = d.sha256 AND o.backend_type = %(backend)s AND o.size_bytes <> d.size_bytes
"""
# An existing object may have moved to another tier.
_SET_OBJECTS = """
UPDATE documents SET object_id = o.object_id, storage_uri = o.storage_uri
FROM load_document d JOIN storage_objects o ON o.sha256 = d.sha256 AND o.backend_type = %(backend)s
WHERE documents.doc_id = d.doc_id
"""
_SELECT_ADDED = """
SELECT d.source_url, d.doc_id, d.sha256, o.storage_uri
FROM load_document d JOIN storage_objects o ON o.sha256 = d.sha256 AND o.backend_type = %(backend)s
WHERE d.doc_id IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to add: `content` is its data, `pages` its text, `published_at` None if unknown.

    With the status "discovered" it is not fetched yet, and the data is what is known about it.
    """

    source_type: str
    source_url: str
    publisher: str | None
    published_at: datetime | None
    content_type: str
    status: str
    crawl_run_id: str
    content: bytes
    pages: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Added:
    source_url: str
    doc_id: int
    sha256: str
    storage_uri: str


def find_known_documents(source_urls: Iterable[str]) -> dict[str, int]:
    """Return the IDs of documents in the database, by source URL."""
    known = Document.objects.filter(source_url__in=list(source_urls)).order_by()
    return {url: doc_id for url, doc_id in known.values_list("source_url", "pk") if url is not None}


def add_documents(documents: Sequence[NewDocument], store: ContentStore) -> dict[str, int]:
    """Add documents with distinct source URLs in the current transaction; return their IDs by source URL.

    References precede the data, which protects it from concurrent garbage collection. The data is stored before this
    returns, so a failed transaction leaves data without a row, never a row without data. A document whose source URL
    was added concurrently is missing in the result.
    """
    if not documents:
        return {}
    parameters = {"backend": store.backend_type, "reference": REFERENCE_TYPE}
    hashes = [hashlib.sha256(document.content).hexdigest() for document in documents]
    contents = dict(zip(hashes, (document.content for document in documents), strict=True))
    rows = map(_build_row, documents, hashes, repeat(store.backend_type))
    _STAGE.fill(rows)
    _PAGES.fill(
        (document.source_url, number, page)
        for document in documents
        for number, page in enumerate(document.pages, start=1)
    )
    sql.execute(_INSERT_DOCUMENTS)
    sql.execute(_INSERT_PAGES)
    sql.value(_COUNT_REFERENCES, parameters)
    sql.execute(_SET_SIZES, parameters)
    sql.execute(_SET_OBJECTS, parameters)
    added = sql.rows(_SELECT_ADDED, parameters, of=_Added)
    _store_contents({row.storage_uri: contents[row.sha256] for row in added}, store)
    return {row.source_url: row.doc_id for row in added}


def _store_contents(contents: Mapping[str, bytes], store: ContentStore) -> None:
    """Store the data at the URIs of the rows; overwriting existing data repairs a corrupt copy."""
    own: dict[str, list[bytes]] = defaultdict(list)
    for uri, content in contents.items():
        parsed = parse_uri(uri)
        if parsed.name:
            _choose_store(parsed.backend, store).put(content, at=uri)
        else:
            own[parsed.backend].append(content)
    for backend, data in own.items():
        _choose_store(backend, store).put_many(data)


def _choose_store(backend: str, store: ContentStore) -> ContentStore:
    return store if backend == store.backend_type else get_content_store(backend)


def _build_row(document: NewDocument, sha256: str, backend: str) -> tuple[Any, ...]:
    return (
        document.source_type,
        document.source_url,
        document.publisher,
        document.published_at,
        document.content_type,
        document.status,
        document.crawl_run_id,
        sha256,
        build_uri(backend, sha256),
        len(document.content),
        None,
    )


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a document, its kind in the document (or ""), and its position in the text.

    Pages count from 1, characters from 0; the end is exclusive.
    """

    name: str
    kind: str
    page_no: int
    char_start: int
    char_end: int


@dataclass(frozen=True, slots=True)
class RegistryDocument:
    """A version of a registry record as a document, with its interventions; passed to the loader of links."""

    doc_id: int
    is_new: bool
    nct_id: str
    source_url: str
    version: str
    last_update_posted: str | None
    mentions: Sequence[Mention]
    former_ids: Sequence[str] = ()
