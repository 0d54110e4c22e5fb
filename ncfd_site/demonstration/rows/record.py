"""What the operator did to content: references by hand, cleaning, and bytes that wait to be deleted."""

from datetime import datetime
from typing import Any

from ncfd_site.core import sql
from ncfd_site.demonstration.plan.calendar import Calendar
from storage.content import ContentStore, StoredObject
from storage.models import StorageEvent, StorageObject, StorageTombstone

OPERATOR = "olga"
# Days since rows were deleted: the bytes of all but the last are gone too.
CLEANED = (64, 64, 31, 1)
UNUSED_DAYS = 45
LINES = 60
FOUND_WITHOUT_ROW = 3
SUPPORT = "Kept while the readout is discussed with the reviewers"
SUPPORT_ENDS = "The discussion has ended"


def add_record(calendar: Calendar, store: ContentStore) -> None:
    """Refer and release by hand, clean, and leave bytes of each kind behind; what waits has real bytes."""
    _refer_and_release(calendar)
    _clean(calendar, store)
    _leave(calendar, store)


def _refer_and_release(calendar: Calendar) -> None:
    released = StorageObject.objects.filter(documents__source_type="PR").order_by("pk").distinct()
    for number, content in enumerate(released[:3], start=1):
        used = content.last_accessed
        key = (content.sha256, content.backend_type, "support case", number)
        detail = {"reference_type": "support case", "reference_id": number}
        count = sql.scalar("increment_storage_refcount", *key)
        _event(calendar.at(-12, 9, number), "reference_added", content, {**detail, "refcount": count}, SUPPORT)
        if number == 1:
            # Still under discussion.
            content.references.filter(reference_type="support case").update(created_at=calendar.at(-12, 9, number))
        else:
            count = sql.scalar("decrement_storage_refcount", *key)
            _event(
                calendar.at(-3, 15, number), "reference_released", content, {**detail, "refcount": count}, SUPPORT_ENDS
            )
        StorageObject.objects.filter(pk=content.pk).update(last_accessed=used)


def _clean(calendar: Calendar, store: ContentStore) -> None:
    for number, days in enumerate(CLEANED, start=1):
        stored = _put(store, f"Press release {number}, superseded and cleaned.")
        content = StorageObject(sha256=stored.sha256, backend_type=store.backend_type)
        told = {"storage_uri": stored.uri, "size_bytes": stored.size}
        used = calendar.at(-days - UNUSED_DAYS, 6).isoformat()
        reason = "nothing referred to it, and its time of grace was over"
        _event(calendar.at(-days, 5, number), "object_deleted", content, {**told, "last_accessed": used}, reason)
        if number == len(CLEANED):
            _wait(calendar.at(-days, 5, number), calendar.at(1, 6, number), stored, StorageTombstone.Reason.DELETED)
        else:
            store.delete(stored.uri)
            _event(calendar.at(-days, 7, number), "bytes_deleted", content, {**told, "reason": "deleted"})


def _leave(calendar: Calendar, store: ContentStore) -> None:
    for number in range(FOUND_WITHOUT_ROW):
        orphan = _put(store, f"Bytes that a crawler left behind, number {number}.")
        _wait(calendar.at(-1, 4, number), calendar.at(5, 4, number), orphan, StorageTombstone.Reason.ORPHANED)
    expected = _put(store, "Bytes that a load has announced and not named yet.")
    _wait(calendar.at(-1, 23), calendar.at(1, 23), expected, StorageTombstone.Reason.EXPECTED)


def _put(store: ContentStore, text: str) -> StoredObject:
    return store.put(f"{text}\n".encode() * LINES)


def _wait(since: datetime, until: datetime, stored: StoredObject, reason: StorageTombstone.Reason) -> None:
    StorageTombstone.objects.create(
        storage_uri=stored.uri,
        reason=reason,
        # Nobody has told how long it is, where there never was a row.
        size_bytes=stored.size if reason == StorageTombstone.Reason.DELETED else 0,
        actor=OPERATOR,
        created_at=since,
        delete_after=until,
    )


def _event(
    at: datetime, action: str, content: StorageObject, detail: dict[str, Any], reason: str | None = None
) -> None:
    StorageEvent.objects.create(
        occurred_at=at,
        actor=OPERATOR,
        action=action,
        object_id=content.pk,
        sha256=content.sha256,
        backend_type=content.backend_type,
        detail=detail,
        reason=reason,
    )
