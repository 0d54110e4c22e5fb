"""Reads of storage rows, of the rows behind references, and of what retains objects without references.

A reference may exist before its referrer, since pipelines add it first. An object that a document or study points to
is retained even without reference.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlsplit

from django.apps import apps
from django.db.models import Count

from ncfd_site.core import sql
from storage.models import Document, StorageReference

DOCUMENT, STUDY = "document", "study"
MAX_NAME_LENGTH = 80


@dataclass(frozen=True, slots=True)
class GcCandidate:
    """An object with few references that was not used for a long time; not a permission to delete it."""

    object_id: int
    sha256: str
    storage_uri: str
    backend_type: str
    size_bytes: int
    refcount: int
    created_at: datetime
    last_accessed: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentEntity:
    """An entity recognized in a document: a drug, an endpoint, an NCT ID.

    Offsets count characters of the page's text; `confidence` is from 0 to 1, None if the detector has none. The table
    has no key and therefore no model.
    """

    doc_id: int
    page_no: int | None
    ent_type: str
    value_text: str
    value_norm: str | None
    char_start: int | None
    char_end: int | None
    detector: str | None
    confidence: Decimal | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Referrer:
    """A document or study: its name, and the object that its row points to."""

    name: str
    object_id: int | None


@dataclass(frozen=True, slots=True)
class RetentionReason:
    """Why garbage collection keeps an object: a document or study, a URI of no store, or references."""

    object_id: int
    doc_id: int | None
    study_id: int | None
    is_foreign: bool
    is_referenced: bool


_REASONS = """
    SELECT o.object_id,
           coalesce((SELECT d.doc_id FROM documents d WHERE d.object_id = o.object_id LIMIT 1),
                    (SELECT d.doc_id FROM documents d
                     WHERE d.sha256 = o.sha256 AND is_same_content(d.storage_uri, o.storage_uri) LIMIT 1)) AS doc_id,
           (SELECT s.study_id FROM studies s WHERE s.object_id = o.object_id LIMIT 1) AS study_id,
           get_storage_uri_hash(o.storage_uri) IS DISTINCT FROM o.sha256 AS is_foreign,
           EXISTS (SELECT FROM storage_references r WHERE r.object_id = o.object_id) AS is_referenced
    FROM storage_objects o WHERE o.object_id = ANY(%s)
"""


def find_gc_candidates(
    max_age_days: int = 30, min_refcount: int = 0, limit: int | None = None, under_days: int | None = None
) -> list[GcCandidate]:
    """Return at most `limit` rows of `get_cleanup_candidates`, least recently used first.

    Candidates have at most `min_refcount` references and were last used at least `max_age_days` ago, and less than
    `under_days` ago if given.
    """
    return sql.rows(
        """
        SELECT * FROM get_cleanup_candidates(%(days)s, %(references)s)
        WHERE %(under)s::integer IS NULL OR last_accessed > statement_timestamp() - make_interval(days => %(under)s)
        ORDER BY last_accessed, object_id LIMIT %(limit)s
        """,
        {"days": max_age_days, "references": min_refcount, "under": under_days, "limit": limit},
        of=GcCandidate,
    )


def count_references(object_ids: Collection[int]) -> dict[int, int]:
    """Return the number of reference rows of each object, regardless of its refcount."""
    counted = (
        StorageReference.objects.filter(object_id__in=object_ids)
        .order_by()
        .values_list("object_id")
        .annotate(references=Count("pk"))
    )
    return {**dict.fromkeys(object_ids, 0), **dict(counted)}


def list_document_entities(doc_id: int) -> list[DocumentEntity]:
    """Return the entities of a document in text order."""
    return sql.rows(
        """
        SELECT doc_id, page_no, ent_type, value_text, value_norm, char_start, char_end, detector, confidence, created_at
        FROM document_entities WHERE doc_id = %s ORDER BY page_no, char_start, char_end, ent_type, value_text
        """,
        [doc_id],
        of=DocumentEntity,
    )


def find_referrers(references: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Referrer]:
    """Return the existing documents and studies of references, by kind and key, with one query per kind."""
    keys = defaultdict(set)
    for kind, key in references:
        keys[kind].add(key)
    found: dict[tuple[str, int], Referrer] = {}
    if keys[DOCUMENT]:
        for document in Document.objects.filter(pk__in=keys[DOCUMENT]).only("publisher", "source_url", "object_id"):
            found[DOCUMENT, document.pk] = Referrer(_name_document(document), document.object_id)
    if keys[STUDY]:
        # By name: signals imports this app, so this app may not import signals.
        studies = apps.get_model("signals", "Study")._default_manager.filter(pk__in=keys[STUDY])
        for key, object_id, year, nct_id in studies.values_list("pk", "object_id", "year", "trial__nct_id"):
            found[STUDY, key] = Referrer(f"{nct_id}, {year}", object_id)
    return found


def find_retention_reasons(object_ids: Collection[int]) -> dict[int, RetentionReason]:
    """Return the objects among these that garbage collection keeps, with the reason."""
    reasons = sql.rows(_REASONS, [list(object_ids)], of=RetentionReason)
    return {one.object_id: one for one in reasons if one != RetentionReason(one.object_id, None, None, False, False)}


def find_retention_reason(object_id: int) -> RetentionReason | None:
    """Return why garbage collection keeps an object, None if it does not."""
    return find_retention_reasons([object_id]).get(object_id)


def _name_document(document: Document) -> str:
    url = document.source_url or ""
    with suppress(ValueError):
        parts = urlsplit(url)
        url = f"{parts.netloc}{parts.path}" if parts.netloc else url
    name = ", ".join(filter(None, [document.publisher, url]))
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[:MAX_NAME_LENGTH]}…"
