"""Storage URIs: the backend and the hash, `local://` or `s3://` and 64 hexadecimal digits."""

import re

from storage.content.interface import InvalidUriError

_URI = re.compile(r"(local|s3)://([0-9a-f]{64})")
_SHA256 = re.compile(r"[0-9a-f]{64}")


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
