"""Reads of the content store's book-keeping."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from ncfd_site.core import sql
from storage.models import StorageReference


@dataclass(frozen=True, slots=True)
class CleanupCandidate:
    """Content that hardly anything refers to and that was not used for long; advice, never permission to delete."""

    object_id: int
    sha256: str
    storage_uri: str
    backend_type: str
    size_bytes: int
    refcount: int
    created_at: datetime
    last_accessed: datetime


def cleanup_candidates(
    max_age_days: int = 30, min_refcount: int = 0, limit: int | None = None, under_days: int | None = None
) -> list[CleanupCandidate]:
    """Return what `get_cleanup_candidates` says, the content unused longest first, at most `limit` rows.

    Candidates have at most `min_refcount` references and were last used `max_age_days` ago or earlier; where
    `under_days` is given, later than so many days ago.
    """
    return sql.rows(
        """
        SELECT * FROM get_cleanup_candidates(%(days)s, %(references)s)
        WHERE %(under)s::integer IS NULL OR last_accessed > statement_timestamp() - make_interval(days => %(under)s)
        ORDER BY last_accessed, object_id LIMIT %(limit)s
        """,
        {"days": max_age_days, "references": min_refcount, "under": under_days, "limit": limit},
        of=CleanupCandidate,
    )


def reference_counts(object_ids: Collection[int]) -> dict[int, int]:
    """Return how many references there really are to each of these objects; the objects' own count is not asked."""
    counted = (
        StorageReference.objects.filter(object_id__in=object_ids)
        .order_by()
        .values_list("object_id")
        .annotate(references=Count("pk"))
    )
    return {**dict.fromkeys(object_ids, 0), **dict(counted)}
