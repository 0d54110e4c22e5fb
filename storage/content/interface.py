"""What every backend of the content store holds to."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

# Content is read and hashed in pieces of this many bytes.
CHUNK = 1 << 20
# So many contents are written at the same time.
WRITERS = 16


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes that the store holds: their SHA-256 as 64 hexadecimal digits, their address, their number."""

    sha256: str
    uri: str
    size: int


class Held(NamedTuple):
    """What a listing tells of one content: its address, the number of its bytes, when they were last put (in UTC)."""

    uri: str
    size: int
    modified: datetime


class ContentStore(Protocol):
    """Where bytes are kept. Every backend holds to this, and to the same tests.

    Everything but `put` and `put_all` raises `ContentAddressRefused` for what is no address of the store, and
    everything raises `ContentUnavailable` where the store cannot be asked, which says nothing about the content.
    """

    backend_type: str

    def put(self, content: bytes | Iterable[bytes]) -> Stored:
        """Keep the bytes, durably, before this returns.

        Known bytes are kept once, yet written anew: that mends a damaged copy, and makes it young. Raises
        `ContentFull` or `ContentTooLarge`, and then keeps nothing. What the iterable raises passes through.
        """

    def put_all(self, contents: Sequence[bytes]) -> list[Stored]:
        """Keep many at once, in their order; far quicker than one by one, since their waits overlap.

        Where one fails, some of the others may be kept.
        """

    def chunks(self, uri: str) -> Iterator[bytes]:
        """Give the bytes piece by piece; raises `ContentDamaged` before the last piece where the hash is wrong."""

    def read(self, uri: str) -> bytes:
        """Give all the bytes; raises `ContentMissing` or `ContentDamaged`."""

    def holds(self, uri: str) -> bool:
        """Whether something is stored there. Does not read it."""

    def size(self, uri: str) -> int:
        """The number of bytes stored there; raises `ContentMissing`. Does not read them."""

    def modified(self, uri: str) -> datetime:
        """When the bytes there were last put, by the backend's clock, in UTC; raises `ContentMissing`."""

    def delete(self, uri: str) -> bool:
        """Remove what is stored there, durably; returns whether something was there.

        Nothing there is no failure. Where two delete at the same time, both may be told that something was there.
        """

    def addresses(self, *, after: str | None = None) -> Iterator[Held]:
        """All that the store holds, in the order of the hashes, from behind the address `after` on.

        What is put or deleted meanwhile may be told or not. An error ends the iteration: a list that ends without one
        is whole.
        """
