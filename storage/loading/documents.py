"""Add documents in one go: bytes, row, pages of text, and the counted reference between them."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ncfd_site.core import sql
from ncfd_site.ingest.batches import Stage
from storage.content import ContentStore, get_content_store
from storage.content.uris import build_uri, parse_backend

REFERENCE = "document"

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

_ADD = """
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
_ADD_PAGES = """
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
_TELL_SIZES = """
UPDATE storage_objects o SET size_bytes = d.size_bytes
FROM (SELECT DISTINCT sha256, size_bytes FROM load_document WHERE doc_id IS NOT NULL) d
WHERE o.sha256 = d.sha256 AND o.backend_type = %(backend)s AND o.size_bytes <> d.size_bytes
"""
# Known content may have moved to another tier since it was first kept.
_POINT_TO_OBJECTS = """
UPDATE documents SET object_id = o.object_id, storage_uri = o.storage_uri
FROM load_document d JOIN storage_objects o ON o.sha256 = d.sha256 AND o.backend_type = %(backend)s
WHERE documents.doc_id = d.doc_id
"""
_ADDED = """
SELECT d.source_url, d.doc_id, d.sha256, o.storage_uri
FROM load_document d JOIN storage_objects o ON o.sha256 = d.sha256 AND o.backend_type = %(backend)s
WHERE d.doc_id IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to add. `content` are its bytes; `pages` its readable text; `published_at` None where unknown.

    With the status "discovered" it counts as not yet fetched: what is kept is what is known of it.
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
class _Known:
    source_url: str
    doc_id: int


@dataclass(frozen=True, slots=True)
class _Added:
    source_url: str
    doc_id: int
    sha256: str
    storage_uri: str


def known_documents(source_urls: Iterable[str]) -> dict[str, int]:
    """The numbers of those documents that the database has, by address."""
    found = sql.rows(
        "SELECT source_url, doc_id FROM documents WHERE source_url = ANY(%s)", [list(source_urls)], of=_Known
    )
    return {row.source_url: row.doc_id for row in found}


def add_documents(documents: Sequence[NewDocument], store: ContentStore) -> dict[str, int]:
    """Add documents, each address once, inside the current transaction; returns their numbers by address.

    The rows name the bytes before these are put: that keeps a cleaning at the same time from deleting them. The bytes
    are stored before this returns, so a transaction that fails leaves bytes without a row, never a row without bytes. A
    document whose address another program added meanwhile is left out of the result.
    """
    if not documents:
        return {}
    parameters = {"backend": store.backend_type, "reference": REFERENCE}
    contents = {hashlib.sha256(document.content).hexdigest(): document.content for document in documents}
    _STAGE.fill(_row(document, store.backend_type) for document in documents)
    _PAGES.fill(
        (document.source_url, number, page)
        for document in documents
        for number, page in enumerate(document.pages, start=1)
    )
    sql.execute(_ADD)
    sql.execute(_ADD_PAGES)
    sql.value(_COUNT_REFERENCES, parameters)
    sql.execute(_TELL_SIZES, parameters)
    sql.execute(_POINT_TO_OBJECTS, parameters)
    added = sql.rows(_ADDED, parameters, of=_Added)
    _put({one.storage_uri: contents[one.sha256] for one in added}, store)
    return {one.source_url: one.doc_id for one in added}


def _put(contents: Mapping[str, bytes], store: ContentStore) -> None:
    """Put content where its row says that it lies; known content too, which mends a damaged copy."""
    by_backend: dict[str, list[bytes]] = defaultdict(list)
    for uri, content in contents.items():
        by_backend[parse_backend(uri)].append(content)
    for backend, ones in by_backend.items():
        (store if backend == store.backend_type else get_content_store(backend)).put_many(ones)


def _row(document: NewDocument, backend: str) -> tuple[Any, ...]:
    sha256 = hashlib.sha256(document.content).hexdigest()
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
