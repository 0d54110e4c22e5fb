"""Addresses: the backend and the hash, as in `local://` or `s3://` and 64 hexadecimal digits."""

import re

from storage.content.errors import ContentAddressRefused

_ADDRESS = re.compile(r"(local|s3)://([0-9a-f]{64})")
_HASH = re.compile(r"[0-9a-f]{64}")


def address(backend_type: str, sha256: str) -> str:
    """The address of those bytes in that backend."""
    return f"{backend_type}://{sha256}"


def backend_of(uri: str) -> str:
    """The backend that an address names; raises `ContentAddressRefused`."""
    match = _ADDRESS.fullmatch(uri)
    if match is None:
        raise ContentAddressRefused(f"{uri[:200]!r} is no address of a content store.")
    return match[1]


def hash_of(uri: str, backend_type: str) -> str:
    """The hash that an address of that backend names; raises `ContentAddressRefused`."""
    match = _ADDRESS.fullmatch(uri)
    if match is None or match[1] != backend_type:
        raise ContentAddressRefused(f"{uri[:200]!r} is no address of the {backend_type} content store.")
    return match[2]


def is_hash(name: str) -> bool:
    """Whether that is a SHA-256 as it stands in an address."""
    return _HASH.fullmatch(name) is not None
