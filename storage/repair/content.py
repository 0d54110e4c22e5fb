"""Missing and damaged bytes are written anew from a whole copy in the other store; sizes are set to what is there."""

from dataclasses import dataclass
from typing import assert_never

from django.conf import settings
from django.db import transaction

from storage.content import ContentCorruptError, ContentStore
from storage.content.uris import build_uri, parse_backend
from storage.models import StorageObject
from storage.repair.bytes_there import (
    Damaged,
    Foreign,
    Nothing,
    There,
    Whole,
    bytes_there,
)
from storage.repair.fetching import who_needs_it
from storage.repair.outcome import (
    Outcome,
    advice,
    record,
    would,
)
from storage.verification.findings import Finding, called, object_of
from storage.verification.stores import NotAsked, Stores


@dataclass(frozen=True, slots=True)
class _Copy:
    """A whole copy in another store."""

    uri: str
    size: int


def look(finding: Finding, stores: Stores) -> Outcome | None:
    """Read the bytes again, and say what would be done; None where they are whole and as many as the row says."""
    one = StorageObject.objects.filter(pk=object_of(finding)).first()
    if one is None:
        return None
    there = bytes_there(one.storage_uri, one.sha256, stores)
    name = called(one.pk, one.sha256, one.backend_type)
    match there:
        case Whole(size):
            same = size == one.size_bytes
            return None if same else would(f"{name}: size {one.size_bytes:,} becomes {size:,}.")
        case Foreign():
            return look_at_address(finding)
        case Damaged() | Nothing():
            copy = _copy(one, stores)
            said = f"{name}: {_was(there)} bytes at {one.storage_uri}"
            if copy is None:
                return advice(f"{said}, and no other store has a copy: {who_needs_it(one)}")
            return would(f"{said} are written anew from {copy.uri} ({copy.size:,} bytes).")
    assert_never(there)


def mend(finding: Finding, actor: str, stores: Stores) -> bool:
    """Do it under lock of the row, so that it is neither moved nor deleted meanwhile."""
    with transaction.atomic():
        one = StorageObject.objects.select_for_update(no_key=True).filter(pk=object_of(finding)).first()
        if one is None:
            return False
        there = bytes_there(one.storage_uri, one.sha256, stores)
        is_restored = False
        if isinstance(there, (Damaged, Nothing)):
            copy = _copy(one, stores)
            if copy is None:
                return False
            _restore(one, copy, stores)
            record(finding, actor, {"what": "bytes", "was": _was(there), "is": f"whole, from {copy.uri}"})
            there, is_restored = Whole(copy.size), True
        return _set_size(finding, actor, one, there) or is_restored


def look_at_address(finding: Finding) -> Outcome | None:
    """An address that is none of ours is left to people."""
    one = StorageObject.objects.filter(pk=object_of(finding)).first()
    if one is None or one.storage_uri != finding.address:
        return None
    name = called(one.pk, one.sha256, one.backend_type)
    return advice(
        f"{name}: its address {one.storage_uri[:200]!r} (tier {one.tier}) is left alone; who wrote it knows where the "
        "bytes are. Put them into a store of this site and correct the row."
    )


def _set_size(finding: Finding, actor: str, one: StorageObject, there: There) -> bool:
    if not isinstance(there, Whole) or there.size == one.size_bytes:
        return False
    StorageObject.objects.filter(pk=one.pk).update(size_bytes=there.size)
    record(finding, actor, {"what": "size_bytes", "was": one.size_bytes, "is": there.size})
    return True


def _copy(one: StorageObject, stores: Stores) -> _Copy | None:
    """A whole copy in the other store; raises `NotAsked` where that is there and cannot be asked."""
    other = "s3" if parse_backend(one.storage_uri) == "local" else "local"
    uri = build_uri(other, one.sha256.lower())
    try:
        there = bytes_there(uri, one.sha256, stores)
    except NotAsked:
        if other == "s3" and not settings.CONTENT_S3_BUCKET:
            return None
        raise
    return _Copy(uri, there.size) if isinstance(there, Whole) else None


def _restore(one: StorageObject, copy: _Copy, stores: Stores) -> None:
    """Write the copy into the place that the row names; what is there gives way only when all of the copy is right."""

    def write(store: ContentStore) -> None:
        source = stores.ask(parse_backend(copy.uri), lambda other: other.iter_chunks(copy.uri))
        if store.put(source).sha256 != one.sha256.lower():
            raise ContentCorruptError(f"The copy at {copy.uri} changed while it was read.")

    stores.ask(parse_backend(one.storage_uri), write)


def _was(there: There) -> str:
    return "damaged" if isinstance(there, Damaged) else "missing"
