"""One row against its bytes."""

import re
from collections.abc import Callable
from typing import TypeVar

from storage.content import ContentCorruptError, ContentNotFoundError, ContentStore, InvalidUriError
from storage.content.uris import build_uri, parse_backend, parse_hash
from storage.verification.findings import Finding, Kind
from storage.verification.rows import Row
from storage.verification.stores import Stores

_HASH = re.compile(r"[0-9a-f]{64}(?=\.$)")

Answer = TypeVar("Answer")


def probe_bytes(row: Row, stores: Stores) -> list[Finding]:
    """What is wrong with its address, or with the number of its bytes; raises `NotAsked`."""
    wrong = _wrong_address(row)
    if _address_of(row) is None:
        return wrong
    try:
        size = _ask(row, stores, lambda store: store.get_size(row.storage_uri))
    except ContentNotFoundError:
        return [*wrong, _missing(row)]
    except InvalidUriError as refusal:
        return [*wrong, _refused(row, refusal)]
    return [*wrong, *_wrong_size(row, size)]


def probe_hash(row: Row, stores: Stores, *, is_alone: bool) -> list[Finding]:
    """Whether its bytes are damaged; where it `is_alone`, also whether they can be read at all. Raises `NotAsked`."""
    if _address_of(row) is None:
        return _wrong_address(row) if is_alone else []
    try:
        _ask(row, stores, lambda store: sum(map(len, store.iter_chunks(row.storage_uri))))
    except ContentNotFoundError:
        return [_missing(row)] if is_alone else []
    except InvalidUriError as refusal:
        return [_refused(row, refusal)] if is_alone else []
    except ContentCorruptError as damage:
        found = _HASH.search(str(damage))
        return [_damaged(row, found[0] if found else "another hash")]
    return []


def _ask(row: Row, stores: Stores, question: Callable[[ContentStore], Answer]) -> Answer:
    return stores.ask(parse_backend(row.storage_uri), question)


def _address_of(row: Row) -> str | None:
    """The address, where it is one of our stores' and for this content."""
    try:
        named = parse_hash(row.storage_uri, parse_backend(row.storage_uri))
    except InvalidUriError:
        return None
    return row.storage_uri if named == row.sha256.lower() else None


def _wrong_address(row: Row) -> list[Finding]:
    try:
        backend = parse_backend(row.storage_uri)
    except InvalidUriError:
        said = f"{row.name} lies at {row.storage_uri[:200]!r}, which is no address of a content store."
        return [_finding(Kind.ADDRESS, row, said, _right_address(row), row.storage_uri)]
    if parse_hash(row.storage_uri, backend) != row.sha256.lower():
        said = f"{row.name} lies at {row.storage_uri}, which is the address of other content."
        return [_finding(Kind.ADDRESS, row, said, _right_address(row), row.storage_uri)]
    if row.tier != backend:
        said = f"{row.name} has the tier {row.tier}, and lies at {row.storage_uri}."
        return [_finding(Kind.ADDRESS, row, said, _right_address(row), row.storage_uri)]
    return []


def _right_address(row: Row) -> str:
    return build_uri(row.tier, row.sha256.lower())


def _missing(row: Row) -> Finding:
    said = f"{row.name} lies at {row.storage_uri}, and nothing is there."
    return _finding(Kind.MISSING, row, said, row.size_bytes or None, None)


def _refused(row: Row, refusal: InvalidUriError) -> Finding:
    return _finding(Kind.ADDRESS, row, f"{row.name}: {refusal}", None, row.storage_uri)


def _damaged(row: Row, found: str) -> Finding:
    said = f"{row.name} is damaged: the bytes at {row.storage_uri} have the hash {found}."
    return _finding(Kind.DAMAGED, row, said, row.sha256.lower(), found)


def _wrong_size(row: Row, size: int) -> list[Finding]:
    if size == row.size_bytes:
        return []
    if row.size_bytes == 0:
        said = f"{row.name} has {size:,} bytes, and its row was not told yet how many."
        return [_finding(Kind.SIZE_UNTOLD, row, said, 0, size)]
    said = f"{row.name} has {size:,} bytes, and its row says {row.size_bytes:,}."
    return [_finding(Kind.SIZE, row, said, row.size_bytes, size)]


def _finding(kind: Kind, row: Row, said: str, expected: str | int | None, found: str | int | None) -> Finding:
    return Finding(
        kind=kind,
        sentence=said,
        object_id=row.object_id,
        sha256=row.sha256,
        backend_type=row.backend_type,
        address=row.storage_uri,
        expected=expected,
        found=found,
    )
