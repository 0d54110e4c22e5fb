"""Repair of objects: missing and corrupt data is copied from the other store; sizes are set to those of the data."""

from dataclasses import dataclass
from enum import Enum, auto

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from storage.content import ContentCorruptError, ContentNotFoundError, ContentStore, InvalidUriError
from storage.content.backends import StorePool, StoreSkippedError
from storage.content.base import build_uri, parse_backend, parse_hash
from storage.models import Document, StorageObject, StorageReference
from storage.repair.proposals import Proposal, propose_action, propose_repair, record_repair
from storage.verification.findings import Finding, describe_object, get_object_id

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
        backend = parse_backend(uri)
        if parse_hash(uri, backend) != sha256.lower():
            return DataInspection(uri, DataState.UNREADABLE)
        size = stores.call(backend, lambda store: sum(map(len, store.iter_chunks(uri))))
    except ContentNotFoundError:
        return DataInspection(uri, DataState.MISSING)
    except ContentCorruptError:
        return DataInspection(uri, DataState.CORRUPT)
    except InvalidUriError:
        return DataInspection(uri, DataState.UNREADABLE)
    return DataInspection(uri, DataState.INTACT, size)


def propose_object_repair(finding: Finding, stores: StorePool) -> Proposal | None:
    """Read the data again; return None if it is intact and has the recorded size."""
    row = StorageObject.objects.filter(pk=get_object_id(finding)).first()
    if row is None:
        return None
    data, name = inspect_data(row.storage_uri, row.sha256, stores), describe_object(row)
    if data.state is DataState.INTACT:
        if data.size == row.size_bytes:
            return None
        return propose_repair(f"{name}: change the size from {row.size_bytes:,} to {data.size:,}.")
    if data.state is DataState.UNREADABLE:
        return propose_uri_action(finding)
    copy = _find_copy(row, stores)
    problem = f"{name}: the data at {row.storage_uri} is {data.state.name.lower()}"
    if copy is None:
        return propose_action(f"{problem}, and no other store has a copy. {_suggest_refetch(row)}")
    return propose_repair(f"{problem}: restore it from {copy.uri} ({copy.size:,} bytes).")


def repair_object(finding: Finding, actor: str, stores: StorePool) -> bool:
    """Restore the data and the size; the row is locked, so that it is neither moved nor deleted."""
    with transaction.atomic():
        row = StorageObject.objects.select_for_update(no_key=True).filter(pk=get_object_id(finding)).first()
        if row is None:
            return False
        data, is_restored = inspect_data(row.storage_uri, row.sha256, stores), False
        if data.state in (DataState.CORRUPT, DataState.MISSING):
            copy = _find_copy(row, stores)
            if copy is None:
                return False
            _restore(row, copy, stores)
            record_repair(
                finding, actor, {"what": "data", "was": data.state.name.lower(), "is": f"restored from {copy.uri}"}
            )
            data, is_restored = copy, True
        if data.state is not DataState.INTACT or data.size == row.size_bytes:
            return is_restored
        StorageObject.objects.filter(pk=row.pk).update(size_bytes=data.size)
        record_repair(finding, actor, {"what": "size_bytes", "was": row.size_bytes, "is": data.size})
        return True


def propose_uri_action(finding: Finding) -> Proposal | None:
    """Return the manual action for a URI that is not of this site, None if the URI has changed."""
    row = StorageObject.objects.filter(pk=get_object_id(finding)).first()
    if row is None or row.storage_uri != finding.location:
        return None
    return propose_action(
        f"{describe_object(row)} has the URI {row.storage_uri[:200]!r} and the tier {row.tier}. Find its data, put it "
        "into a store of this site, and correct the row."
    )


def _find_copy(row: StorageObject, stores: StorePool) -> DataInspection | None:
    """Return an intact copy in the other store; raises `StoreSkippedError` if that store is set up but unavailable."""
    other = "s3" if parse_backend(row.storage_uri) == "local" else "local"
    try:
        copy = inspect_data(build_uri(other, row.sha256.lower()), row.sha256, stores)
    except StoreSkippedError:
        if other == "s3" and not settings.CONTENT_S3_BUCKET:
            return None
        raise
    return copy if copy.state is DataState.INTACT else None


def _restore(row: StorageObject, copy: DataInspection, stores: StorePool) -> None:
    """Write the copy to the row's URI; existing data is only replaced after the whole copy was verified."""

    def write(store: ContentStore) -> None:
        chunks = stores.call(parse_backend(copy.uri), lambda other: other.iter_chunks(copy.uri))
        if (actual := store.put(chunks).sha256) != row.sha256.lower():
            raise ContentCorruptError(f"The copy at {copy.uri} changed while it was read.", actual)

    stores.call(parse_backend(row.storage_uri), write)


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
