"""Repair of data: objects are restored from the other store, orphans get a tombstone, abandoned uploads are deleted."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from ncfd_site.core import sql
from storage.content.backends import StorePool, StoreSkippedError
from storage.content.base import (
    ContentCorruptError,
    ContentNotFoundError,
    ContentStore,
    InvalidUriError,
    build_copy_uri,
    build_uri,
    parse_uri,
    parse_uri_of,
)
from storage.content.local import AbandonedUpload, delete_abandoned_upload, find_abandoned_uploads
from storage.models import Document, StorageObject, StorageReference
from storage.repair.proposals import Proposal, RepairContext, propose_action, propose_repair, record_repair
from storage.verification.findings import Finding, describe_object, get_object_id
from storage.verification.orphans import find_unreferenced

MAX_DOCUMENTS = 5


class DataState(Enum):
    """The state of the data at a URI."""

    INTACT = auto()
    CORRUPT = auto()
    MISSING = auto()
    UNREADABLE = auto()  # not a URI of this object in a store of this site, or a link


@dataclass(frozen=True, slots=True)
class DataInspection:
    """State of the data at a URI, and its size if intact."""

    uri: str
    state: DataState
    size: int = 0


def inspect_data(uri: str, sha256: str, stores: StorePool) -> DataInspection:
    """Read the data of an object; raises `StoreSkippedError`."""
    try:
        backend = parse_uri_of(sha256, uri).backend
        size = stores.call(backend, lambda store: sum(map(len, store.iter_chunks(uri))))
    except ContentNotFoundError:
        return DataInspection(uri, DataState.MISSING)
    except ContentCorruptError:
        return DataInspection(uri, DataState.CORRUPT)
    except InvalidUriError:
        return DataInspection(uri, DataState.UNREADABLE)
    return DataInspection(uri, DataState.INTACT, size)


def propose_object_repair(finding: Finding, context: RepairContext) -> Proposal | None:
    """Read the data again; return None if it is intact and has the recorded size."""
    row = StorageObject.objects.filter(pk=get_object_id(finding)).first()
    if row is None:
        return None
    data, name = inspect_data(row.storage_uri, row.sha256, context.stores), describe_object(row)
    if data.state is DataState.INTACT:
        if data.size == row.size_bytes:
            return None
        return propose_repair(f"{name}: change the size from {row.size_bytes:,} to {data.size:,}.")
    if data.state is DataState.UNREADABLE:
        return propose_uri_action(finding, context)
    copy = _find_copy(row, context.stores)
    problem = f"{name}: the data at {row.storage_uri} is {data.state.name.lower()}"
    if copy is None:
        return propose_action(f"{problem}, and no other store has a copy. {_suggest_refetch(row)}")
    return propose_repair(f"{problem}: restore it from {copy.uri} ({copy.size:,} bytes).")


def repair_object(finding: Finding, context: RepairContext, actor: str) -> bool:
    """Restore the data and the size under a lock of the row; return whether something changed."""
    with transaction.atomic():
        row = StorageObject.objects.select_for_update(no_key=True).filter(pk=get_object_id(finding)).first()
        if row is None:
            return False
        data, is_restored = inspect_data(row.storage_uri, row.sha256, context.stores), False
        if data.state in (DataState.CORRUPT, DataState.MISSING):
            copy = _find_copy(row, context.stores)
            if copy is None:
                return False
            _restore(row, copy, context.stores)
            record_repair(
                finding, actor, {"what": "data", "was": data.state.name.lower(), "is": f"restored from {copy.uri}"}
            )
            data, is_restored = copy, True
        if data.state is not DataState.INTACT or data.size == row.size_bytes:
            return is_restored
        StorageObject.objects.filter(pk=row.pk).update(size_bytes=data.size)
        record_repair(finding, actor, {"what": "size_bytes", "was": row.size_bytes, "is": data.size})
        return True


def propose_uri_action(finding: Finding, _: RepairContext) -> Proposal | None:
    """Return the manual action for a URI that is not of this site, None if the URI has changed."""
    row = StorageObject.objects.filter(pk=get_object_id(finding)).first()
    if row is None or row.storage_uri != finding.location:
        return None
    return propose_action(
        f"{describe_object(row)} has the URI {row.storage_uri[:200]!r} and the tier {row.tier}. Find its data, put it "
        "into a store of this site, and correct the row."
    )


def propose_tombstone(finding: Finding, context: RepairContext) -> Proposal | None:
    """Return the tombstone, None if the data is referenced, deleted or too recent."""
    if not _is_orphan(finding, context):
        return None
    return propose_repair(
        f"Data at {finding.location}: add a tombstone. storage_gc deletes the data after "
        f"{context.options.retention_days} days unless a row references it."
    )


def tombstone_orphan(finding: Finding, context: RepairContext, actor: str) -> bool:
    """Add the tombstone; return False if the data is no longer an orphan. Garbage collection checks again."""
    with transaction.atomic():
        # Of two concurrent repairs, the second one waits here and finds the tombstone of the first.
        sql.value("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [finding.location])
        if not _is_orphan(finding, context):
            return False
        retention = timedelta(days=context.options.retention_days)
        sql.scalar("tombstone_storage_uris", [finding.location], retention, "orphaned", actor)
        until = sql.value("SELECT delete_after FROM storage_tombstones WHERE storage_uri = %s", [finding.location])
        change = {"was": "no tombstone", "is": f"retained until {until:%Y-%m-%d %H:%M} UTC"}
        record_repair(finding, actor, {"what": "tombstone", "storage_uri": finding.location, **change})
    return True


def propose_upload_deletion(finding: Finding, _: RepairContext) -> Proposal | None:
    """Return the deletion, None if the file is gone or was written again."""
    upload = _find_upload(finding)
    return propose_repair(f"Delete the abandoned upload {upload.name} ({upload.size:,} bytes).") if upload else None


def delete_upload(finding: Finding, _: RepairContext, actor: str) -> bool:
    """Record and delete the file; return False if it was deleted or written concurrently."""
    with transaction.atomic():
        upload = _find_upload(finding)
        if upload is None:
            return False
        record_repair(finding, actor, {"what": upload.name, "was": f"{upload.size:,} bytes", "is": "deleted"})
        if delete_abandoned_upload(settings.CONTENT_ROOT, upload.name) is None:
            transaction.set_rollback(True)
            return False
    return True


def _find_copy(row: StorageObject, stores: StorePool) -> DataInspection | None:
    """Return an intact copy at another URI; raises `StoreSkippedError` if a store is set up but unavailable."""
    own = parse_uri(row.storage_uri).backend
    other, sha256 = "s3" if own == "local" else "local", row.sha256.lower()
    for uri in [build(backend, sha256) for backend in (other, own) for build in (build_uri, build_copy_uri)]:
        if uri == row.storage_uri:
            continue
        try:
            copy = inspect_data(uri, sha256, stores)
        except StoreSkippedError as error:
            if error.backend == "s3" and not settings.CONTENT_S3_BUCKET:
                continue
            raise
        if copy.state is DataState.INTACT:
            return copy
    return None


def _restore(row: StorageObject, copy: DataInspection, stores: StorePool) -> None:
    """Write the copy to the row's URI; existing data is only replaced after the whole copy was verified."""

    def write_copy(store: ContentStore) -> None:
        chunks = stores.call(parse_uri(copy.uri).backend, lambda other: other.iter_chunks(copy.uri))
        store.put(chunks, at=store.resolve_uri(row.storage_uri))

    stores.call(parse_uri(row.storage_uri).backend, write_copy)


def _suggest_refetch(row: StorageObject) -> str:
    references = StorageReference.objects.filter(object=row, reference_type="document").values("referenced_id")
    documents = Document.objects.filter(Q(object=row) | Q(pk__in=references)).order_by("pk")
    count = documents.count()
    if not count:
        return "No document uses it: have its writer upload it again, or release its references for storage_gc."
    shown = documents[:MAX_DOCUMENTS]
    names = ", ".join(f"document {one.pk}" + (f" ({one.source_url})" if one.source_url else "") for one in shown)
    more = f" and {count - MAX_DOCUMENTS:,} more" if count > MAX_DOCUMENTS else ""
    return f"Fetch again: {names}{more}."


def _find_upload(finding: Finding) -> AbandonedUpload | None:
    uploads = find_abandoned_uploads(settings.CONTENT_ROOT)
    return next((upload for upload in uploads if upload.name == finding.location), None)


def _is_orphan(finding: Finding, context: RepairContext) -> bool:
    uri = finding.location or ""
    try:
        modified_at = context.stores.call(parse_uri(uri).backend, lambda store: store.get_modified_at(uri))
    except (ContentNotFoundError, InvalidUriError):
        return False
    now = find_unreferenced([uri]).get(uri)
    return now is not None and now - modified_at >= timedelta(minutes=context.options.min_age_minutes)
