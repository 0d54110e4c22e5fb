"""The interface of every content store: types, methods and errors."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from ncfd_site.config.errors import ExitCode, UserError

# Bytes that are read and hashed at a time.
CHUNK = 1 << 20
# Concurrent requests to a store.
WRITERS = 16


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


class ContentStore(Protocol):
    """A place that stores bytes. All backends pass the same conformance tests.

    All methods raise `StoreUnavailableError`; all but `put` and `put_many` raise `InvalidUriError`.
    """

    backend_type: str

    def put(self, content: bytes | Iterable[bytes]) -> StoredObject:
        """Store the bytes durably before returning.

        An object that exists is overwritten, which repairs a corrupt copy and renews its modification time. Raises
        `StoreFullError` or `ContentTooLargeError` and stores nothing then. Exceptions of the iterable propagate.
        """

    def put_many(self, contents: Sequence[bytes]) -> list[StoredObject]:
        """Store objects concurrently, in order. If one fails, some of the others may be stored."""

    def iter_chunks(self, uri: str) -> Iterator[bytes]:
        """Yield the bytes in chunks; raises `ContentCorruptError` before the last chunk if the hash is wrong."""

    def read(self, uri: str) -> bytes:
        """Return the bytes; raises `ContentNotFoundError` or `ContentCorruptError`."""

    def exists(self, uri: str) -> bool:
        """Return whether an object is at the URI, without reading it."""

    def get_size(self, uri: str) -> int:
        """Return the size in bytes, without reading them; raises `ContentNotFoundError`."""

    def get_modified_at(self, uri: str) -> datetime:
        """Return the time of the last `put`, by the backend's clock, in UTC; raises `ContentNotFoundError`."""

    def delete(self, uri: str) -> bool:
        """Delete the object durably and return whether it existed.

        Of two concurrent calls, both may return True.
        """

    def list_objects(self, *, after: str | None = None) -> Iterator[ListedObject]:
        """Yield all objects ordered by hash, starting after the URI `after`.

        Concurrent changes may be missed. A listing that ends without an exception is complete.
        """
