"""The base class of content stores, with its types, errors and URIs.

A storage URI is the backend and the hash: `local://` or `s3://` and 64 hexadecimal digits.
"""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple

from ncfd_site.config.errors import ExitCode, UserError

# Bytes that are read and hashed at a time.
CHUNK = 1 << 20
# Concurrent requests to a store.
WRITERS = 16
_URI = re.compile(r"(local|s3)://([0-9a-f]{64})")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class ContentError(UserError):
    """Failed operation of a content store. Messages contain no secret, bucket or endpoint."""

    exit_code = ExitCode.FAILED


class ContentNotFoundError(ContentError):
    """The store is reachable and has no object at the URI."""


class ContentCorruptError(ContentError):
    """The stored bytes do not match the hash in the URI; `actual_hash` is theirs."""

    def __init__(self, message: str, actual_hash: str) -> None:
        super().__init__(message)
        self.actual_hash = actual_hash


class InvalidUriError(ContentError):
    """The URI is not one of this store, or leads to a link or a special file."""


class ContentTooLargeError(ContentError):
    """The object exceeds the backend's size limit."""


class StoreUnavailableError(ContentError):
    """The store did not answer or denied access, so it is unknown whether the object exists."""


class StoreFullError(StoreUnavailableError):
    """The store has no space left; nothing was stored."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object after `put`: SHA-256 in hexadecimal, URI, size in bytes."""

    sha256: str
    uri: str
    size: int


class ListedObject(NamedTuple):
    """An entry of a listing: URI, size in bytes, time of the last `put` in UTC."""

    uri: str
    size: int
    modified_at: datetime


def build_uri(backend_type: str, sha256: str) -> str:
    """Return the URI of an object in a backend."""
    return f"{backend_type}://{sha256}"


def parse_backend(uri: str) -> str:
    """Return the backend that a URI names; raises `InvalidUriError`."""
    match = _URI.fullmatch(uri)
    if match is None:
        raise InvalidUriError(f"{uri[:200]!r} is not a URI of a content store.")
    return match[1]


def parse_hash(uri: str, backend_type: str) -> str:
    """Return the hash in a URI of that backend; raises `InvalidUriError`."""
    match = _URI.fullmatch(uri)
    if match is None or match[1] != backend_type:
        raise InvalidUriError(f"{uri[:200]!r} is not a URI of the {backend_type} content store.")
    return match[2]


def is_sha256(name: str) -> bool:
    """Return whether a name is a SHA-256 as written in URIs."""
    return _SHA256.fullmatch(name) is not None


class ContentStore(ABC):
    """A place that stores objects. All backends pass the same conformance tests.

    All methods raise `StoreUnavailableError`; all but `put` and `put_many` raise `InvalidUriError`.
    """

    backend_type: ClassVar[str]

    @abstractmethod
    def put(self, content: bytes | Iterable[bytes]) -> StoredObject:
        """Store the bytes durably before returning.

        An object that exists is overwritten, which repairs a corrupt copy and renews its modification time. Raises
        `StoreFullError` or `ContentTooLargeError` and stores nothing then. Exceptions of the iterable propagate.
        """

    @abstractmethod
    def put_many(self, contents: Sequence[bytes]) -> list[StoredObject]:
        """Store objects concurrently, in order. If one fails, some of the others may be stored."""

    def iter_chunks(self, uri: str) -> Iterator[bytes]:
        """Yield the bytes in chunks; raises `ContentCorruptError` in place of the last one if the hash is wrong.

        A caller that copies what it receives therefore never completes a corrupt copy.
        """
        return _verify_chunks(uri, parse_hash(uri, self.backend_type), self._read_chunks(uri))

    def read(self, uri: str) -> bytes:
        """Return the bytes; raises `ContentNotFoundError` or `ContentCorruptError`."""
        return b"".join(self.iter_chunks(uri))

    def exists(self, uri: str) -> bool:
        """Return whether an object is at the URI, without reading it."""
        try:
            self.get_size(uri)
        except ContentNotFoundError:
            return False
        return True

    @abstractmethod
    def get_size(self, uri: str) -> int:
        """Return the size in bytes, without reading them; raises `ContentNotFoundError`."""

    @abstractmethod
    def get_modified_at(self, uri: str) -> datetime:
        """Return the time of the last `put`, by the backend's clock, in UTC; raises `ContentNotFoundError`."""

    @abstractmethod
    def delete(self, uri: str) -> bool:
        """Delete the object durably and return whether it existed.

        Of two concurrent calls, both may return True.
        """

    def list_objects(self, *, after: str | None = None) -> Iterator[ListedObject]:
        """Yield all objects ordered by hash, starting after the URI `after`.

        Concurrent changes may be missed. A listing that ends without an exception is complete.
        """
        return self._list_after("" if after is None else parse_hash(after, self.backend_type))

    @abstractmethod
    def _read_chunks(self, uri: str) -> Iterator[bytes]: ...

    @abstractmethod
    def _list_after(self, sha256: str) -> Iterator[ListedObject]: ...


def _verify_chunks(uri: str, sha256: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    digest, pending = hashlib.sha256(), b""
    for chunk in chunks:
        digest.update(chunk)
        if pending:
            yield pending
        pending = chunk
    actual = digest.hexdigest()
    if actual != sha256:
        raise ContentCorruptError(f"The content at {uri} is corrupt: its hash is {actual}.", actual)
    if pending:
        yield pending
