"""The base class of content stores, with its types, errors and URIs.

A storage URI is the backend and the hash: `local://` or `s3://` and 64 hexadecimal digits. Pipelines write a last part:
`local://HASH/NAME` is their file `docs/HASH/NAME`, `s3://BUCKET/docs/HASH/NAME` their key. The name `content` means any
copy of the hash. The database function `get_storage_uri_hash` accepts the same forms.
"""

import hashlib
import heapq
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, NamedTuple

from ncfd_site.config.errors import ExitCode, UserError

# Bytes that are read and hashed at a time.
CHUNK = 1 << 20
# Concurrent requests to a store.
WRITERS = 16
# The name of any copy of a hash, and the pipelines' placeholder for the name of the bucket.
CONTENT = "content"
PLACEHOLDER_BUCKET = "bucket"
# The limit of file systems, in bytes.
MAX_NAME = 255
_URI = re.compile(
    r"(?P<backend>local|s3)://(?:(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,62})/docs/)?(?P<sha256>[0-9a-f]{64})"
    r"(?:/(?P<name>(?!\.{1,2}\Z)[^/\x00-\x1f\x7f\ud800-\udfff]+))?"
)
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


@dataclass(frozen=True, slots=True)
class StorageUri:
    """A parsed URI; `name` and `bucket` are empty unless a pipeline wrote it."""

    backend: str
    sha256: str
    name: str
    bucket: str

    @property
    def location(self) -> str:
        """The path below the root of the store."""
        return f"docs/{self.sha256}/{self.name}" if self.name else f"{self.sha256[:2]}/{self.sha256}"


class ListedObject(NamedTuple):
    """An entry of a listing: URI, size in bytes, time of the last `put` in UTC."""

    uri: str
    size: int
    modified_at: datetime


def build_uri(backend_type: str, sha256: str) -> str:
    """Return the URI of an object in a backend."""
    return f"{backend_type}://{sha256}"


def build_copy_uri(backend_type: str, sha256: str) -> str:
    """Return the URI of any copy of an object in a backend, as the pipelines' database function writes it."""
    bucket = "" if backend_type == "local" else f"{PLACEHOLDER_BUCKET}/docs/"
    return f"{backend_type}://{bucket}{sha256}/{CONTENT}"


def parse_uri(uri: str, backend_type: str = "") -> StorageUri:
    """Return the parts of a URI, of that backend if given; raises `InvalidUriError`."""
    match = _URI.fullmatch(uri)
    parsed = StorageUri(**match.groupdict(default="")) if match else None
    if (
        parsed is None
        or bool(parsed.bucket) != bool(parsed.name and parsed.backend == "s3")
        or len(parsed.name.encode()) > MAX_NAME
        or parsed.backend != (backend_type or parsed.backend)
    ):
        store = f"the {backend_type} content store" if backend_type else "a content store"
        raise InvalidUriError(f"{uri[:200]!r} is not a URI of {store}.")
    return parsed


def parse_uri_of(sha256: str, uri: str) -> StorageUri:
    """Return the parts of the URI of an object with this hash; raises `InvalidUriError` if it names another one."""
    parsed = parse_uri(uri)
    if parsed.sha256 != sha256.lower():
        raise InvalidUriError(f"{uri[:200]!r} is the URI of another object.")
    return parsed


def is_valid_uri(uri: str) -> bool:
    """Return whether a URI is one of a content store."""
    try:
        return bool(parse_uri(uri))
    except InvalidUriError:
        return False


def is_sha256(name: str) -> bool:
    """Return whether a name is 64 lowercase hexadecimal digits."""
    return _SHA256.fullmatch(name) is not None


class ContentStore(ABC):
    """A place that stores objects. All backends pass the same conformance tests.

    All methods raise `StoreUnavailableError`; all but `put` and `put_many` raise `InvalidUriError`.
    """

    backend_type: ClassVar[str]

    def build_uri(self, sha256: str, name: str = "") -> str:
        """Return the URI of an object, in the form of pipelines if it has a name."""
        return f"{build_uri(self.backend_type, sha256)}{name and f'/{name}'}"

    @abstractmethod
    def put(self, content: bytes | Iterable[bytes], at: str | None = None) -> StoredObject:
        """Store the bytes durably before returning, at the URI `at` if given.

        An object that exists is overwritten, which repairs a corrupt copy and renews its modification time. Raises
        `StoreFullError`, `ContentTooLargeError`, or `ContentCorruptError` if `at` has another hash, and stores nothing
        then. Exceptions of the iterable propagate.
        """

    @abstractmethod
    def put_many(self, contents: Sequence[bytes]) -> list[StoredObject]:
        """Store objects concurrently, in order. If one fails, some of the others may be stored."""

    def iter_chunks(self, uri: str) -> Iterator[bytes]:
        """Yield the bytes in chunks; raises `ContentCorruptError` in place of the last one if the hash is wrong.

        A caller that copies what it receives therefore never completes a corrupt copy.
        """
        return _verify_chunks(uri, self._parse(uri).sha256, self._read_chunks(uri))

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

    def resolve_uri(self, uri: str) -> str:
        """Return the URI of the first file that the name `content` means, if there is one; any other URI unchanged."""
        location = self._list_locations(uri)[0]
        return self.build_uri(self._parse(uri).sha256, location.rpartition("/")[2]) if location[:5] == "docs/" else uri

    @abstractmethod
    def get_size(self, uri: str) -> int:
        """Return the size in bytes, without reading them; raises `ContentNotFoundError`."""

    @abstractmethod
    def get_modified_at(self, uri: str) -> datetime:
        """Return the time of the last `put`, by the backend's clock, in UTC; raises `ContentNotFoundError`."""

    def delete(self, uri: str) -> bool:
        """Delete the object durably and return whether it existed; the name `content` deletes all files of pipelines.

        Of two concurrent calls, both may return True.
        """
        deleted = [self._delete_location(uri, location) for location in self._list_locations(uri)]
        return any(deleted)

    def list_objects(self, *, after: str | None = None, with_named: bool = False) -> Iterator[ListedObject]:
        """Yield all objects, with the files of pipelines if wanted, by hash and name, starting after the URI `after`.

        Concurrent changes may be missed. A listing that ends without an exception is complete.
        """
        start = None if after is None else self._parse(after)
        sha256, name = (start.sha256, start.name) if start else ("", "")
        named = self._list_named(sha256, name) if with_named else ()
        return heapq.merge(self._list_own(sha256), named, key=_get_position)

    def _parse(self, uri: str) -> StorageUri:
        return parse_uri(uri, self.backend_type)

    def _locate(self, uri: str) -> str:
        """Return the location to read: of several copies, the first with the right hash."""
        locations = self._list_locations(uri)
        for location in locations if len(locations) > 1 else []:
            digest = hashlib.sha256()
            with suppress(ContentNotFoundError, InvalidUriError):  # deleted concurrently, or a link
                for chunk in self._read_location(uri, location):
                    digest.update(chunk)
                if digest.hexdigest() == self._parse(uri).sha256:
                    return location
        return locations[0]

    def _list_locations(self, uri: str) -> list[str]:
        parsed = self._parse(uri)
        if parsed.name != CONTENT:
            return [parsed.location]
        # Files that pipelines are writing end in .part.
        names = sorted(self._list_names(uri, parsed.sha256), key=lambda name: (name != CONTENT, name))
        named = [replace(parsed, name=name).location for name in names if not name.endswith(".part")]
        return named or [replace(parsed, name="").location]

    def _get_target(self, stored: StoredObject) -> str:
        """Return the location to write; raises `ContentCorruptError` if the URI has another hash."""
        parsed = self._parse(stored.uri)
        if parsed.sha256 != stored.sha256:
            raise ContentCorruptError(f"The content for {stored.uri} has the hash {stored.sha256}.", stored.sha256)
        return parsed.location

    def _read_chunks(self, uri: str) -> Iterator[bytes]:
        yield from self._read_location(uri, self._locate(uri))

    @abstractmethod
    def _read_location(self, uri: str, location: str) -> Iterator[bytes]: ...

    @abstractmethod
    def _delete_location(self, uri: str, location: str) -> bool: ...

    @abstractmethod
    def _list_names(self, uri: str, sha256: str) -> list[str]:
        """Return the names of the files of pipelines with this hash."""

    @abstractmethod
    def _list_own(self, sha256: str) -> Iterator[ListedObject]:
        """Yield the objects without a name, after a hash."""

    @abstractmethod
    def _list_named(self, sha256: str, name: str) -> Iterator[ListedObject]:
        """Yield the files of pipelines, after a hash and name."""


def _get_position(listed: ListedObject) -> tuple[str, str]:
    parsed = parse_uri(listed.uri)
    return parsed.sha256, parsed.name


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
