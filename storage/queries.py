"""Reads of storage rows."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count

from ncfd_site.core import sql
from storage.models import StorageReference


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
