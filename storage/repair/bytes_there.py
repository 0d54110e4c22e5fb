"""What lies at an address, read to its end."""

from dataclasses import dataclass

from storage.content import ContentCorruptError, ContentNotFoundError, InvalidUriError
from storage.content.uris import parse_backend, parse_hash
from storage.verification.stores import Stores


@dataclass(frozen=True, slots=True)
class Whole:
    """So many bytes with the right hash."""

    size: int


@dataclass(frozen=True, slots=True)
class Damaged:
    """Other bytes."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """The store can be asked, and there is nothing."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """No address of such content in a store of this site, or a link stands there."""


There = Whole | Damaged | Nothing | Foreign


def bytes_there(uri: str, sha256: str, stores: Stores) -> There:
    """Read the bytes of content; raises `NotAsked` where the store cannot be asked."""
    try:
        backend = parse_backend(uri)
        if parse_hash(uri, backend) != sha256.lower():
            return Foreign()
        return Whole(stores.ask(backend, lambda store: sum(map(len, store.iter_chunks(uri)))))
    except ContentNotFoundError:
        return Nothing()
    except ContentCorruptError:
        return Damaged()
    except InvalidUriError:
        return Foreign()
