"""What lies at an address, read to its end."""

from dataclasses import dataclass

from storage.content import ContentAddressRefused, ContentDamaged, ContentMissing
from storage.content.address import backend_of, hash_of
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
        backend = backend_of(uri)
        if hash_of(uri, backend) != sha256.lower():
            return Foreign()
        return Whole(stores.ask(backend, lambda store: sum(map(len, store.chunks(uri)))))
    except ContentMissing:
        return Nothing()
    except ContentDamaged:
        return Damaged()
    except ContentAddressRefused:
        return Foreign()
