"""What else refers to the stored content, content that nothing refers to any more, and what was done about it."""

from collections.abc import Mapping

from ncfd_site.core import sql
from ncfd_site.demonstration.plan.calendar import Calendar
from ncfd_site.demonstration.rows.record import add_record
from storage.content import ContentStore
from storage.models import StorageEvent, StorageObject, StorageTombstone

# Days since the last reference was released: all but the last two are past the days of grace.
RELEASED = (75, 61, 52, 40, 33, 12, 5)
ARCHIVED = 4
RECOUNTED = 3
ARCHIVED_PAGE = 1_000_001

_POINT_STUDIES = """
UPDATE studies s SET object_id = d.object_id FROM documents d
WHERE d.source_url = s.url AND s.study_id = ANY(%s)
"""
_REFER = """
WITH told AS (SELECT s.study_id, o.sha256, o.backend_type FROM studies s JOIN storage_objects o USING (object_id))
SELECT count(*)
FROM increment_storage_refcounts(
    ARRAY(SELECT sha256::text FROM told ORDER BY study_id),
    ARRAY(SELECT backend_type::text FROM told ORDER BY study_id),
    ARRAY(SELECT 'study' FROM told),
    ARRAY(SELECT study_id FROM told ORDER BY study_id)
)
"""
# Content is as old as the first document that has it, and was last used when that was read.
_OBJECT_TIMES = """
UPDATE storage_objects o SET created_at = d.at, last_accessed = d.at + interval '2 hours'
FROM (SELECT sha256, min(discovered_at) AS at FROM documents GROUP BY sha256) d WHERE d.sha256 = o.sha256
"""
_REFERENCE_TIMES = """
UPDATE storage_references r SET created_at = o.created_at FROM storage_objects o WHERE o.object_id = r.object_id
"""


def add_references(studies: Mapping[str, int], calendar: Calendar, store: ContentStore) -> None:
    """Let studies refer to the content of their documents, archive some, and release what was superseded."""
    sql.execute(_POINT_STUDIES, [list(studies.values())])
    sql.value(_REFER)
    _archive()
    sql.execute(_OBJECT_TIMES)
    sql.execute(_REFERENCE_TIMES)
    _release(calendar, store)
    _recount(calendar)
    _move(calendar, store)
    add_record(calendar, store)


def _recount(calendar: Calendar) -> None:
    """Counts that were found wrong long ago, and what they were brought to."""
    for original in StorageObject.objects.order_by("pk")[:RECOUNTED]:
        StorageEvent.objects.create(
            occurred_at=calendar.at(-200, 3),
            action="count_corrected",
            object_id=original.pk,
            sha256=original.sha256,
            backend_type=original.backend_type,
            detail={"was": 3, "is": 1},
            reason="the count was not the number of references",
        )


def _archive() -> None:
    """The same bytes in the other backend: an object of its own."""
    kept = StorageObject.objects.filter(documents__source_type="Paper").order_by("pk")[:ARCHIVED]
    for original in kept:
        sql.scalar("increment_storage_refcount", original.sha256, "s3", "archive", original.pk)
        StorageObject.objects.filter(sha256=original.sha256, backend_type="s3").update(
            size_bytes=original.size_bytes, metadata={"bucket": "ncfd-demonstration", "storage_class": "cold"}
        )


def _release(calendar: Calendar, store: ContentStore) -> None:
    pages = [
        f"<p>An older copy of a page, fetched {days + 20} days before this was made.</p>\n".encode() * days
        for days in RELEASED
    ]
    for number, (days, stored) in enumerate(zip(RELEASED, store.put_many(pages), strict=True), start=1):
        key = (stored.sha256, store.backend_type, "superseded page", number)
        sql.scalar("increment_storage_refcount", *key)
        sql.scalar("decrement_storage_refcount", *key)
        StorageObject.objects.filter(sha256=stored.sha256, backend_type=store.backend_type).update(
            size_bytes=stored.size,
            metadata={"content_type": "text/html", "superseded": True},
            created_at=calendar.at(-days - 20, 6),
            last_accessed=calendar.at(-days, 6),
        )


def _move(calendar: Calendar, store: ContentStore) -> None:
    """Content that lies on S3 again, and whose copy on the local disk waits to be deleted."""
    stored = store.put(b"<p>A page that was moved to the local disk, and back to S3 when nobody used it.</p>\n" * 200)
    sql.scalar("increment_storage_refcount", stored.sha256, "s3", "archive", ARCHIVED_PAGE)
    moved = StorageObject.objects.get(sha256=stored.sha256, backend_type="s3")
    moved.size_bytes = stored.size
    moved.created_at, moved.last_accessed = calendar.at(-150, 6), calendar.at(-95, 6)
    moved.save(update_fields=["size_bytes", "created_at", "last_accessed"])
    moved.references.update(created_at=moved.created_at)
    StorageTombstone.objects.create(
        storage_uri=stored.uri,
        reason=StorageTombstone.Reason.MOVED,
        size_bytes=stored.size,
        actor="olga",
        created_at=calendar.at(-1, 5, 20),
        delete_after=calendar.at(1, 6, 20),
    )
    for days, places in ((-120, (moved.storage_uri, stored.uri)), (-1, (stored.uri, moved.storage_uri))):
        StorageEvent.objects.create(
            occurred_at=calendar.at(days, 5, 20),
            actor="olga",
            action="moved",
            object_id=moved.pk,
            sha256=moved.sha256,
            backend_type="s3",
            detail={"from": places[0], "to": places[1]},
        )
