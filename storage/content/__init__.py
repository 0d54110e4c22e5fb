"""The content store: objects addressed by the SHA-256 of their bytes.

A storage URI names the backend and the hash, never a folder or bucket, so both can be moved.
"""

from storage.content.backends import get_content_store, get_content_store_for
from storage.content.base import (
    CHUNK,
    WRITERS,
    ContentCorruptError,
    ContentError,
    ContentNotFoundError,
    ContentStore,
    ContentTooLargeError,
    InvalidUriError,
    ListedObject,
    StoredObject,
    StoreFullError,
    StoreUnavailableError,
)
from storage.content.local import LocalContentStore
from storage.content.s3 import S3ContentStore
from storage.content.s3_client import S3Location, get_s3_client

__all__ = [
    "CHUNK",
    "WRITERS",
    "ContentCorruptError",
    "ContentError",
    "ContentNotFoundError",
    "ContentStore",
    "ContentTooLargeError",
    "InvalidUriError",
    "ListedObject",
    "LocalContentStore",
    "S3ContentStore",
    "S3Location",
    "StoreFullError",
    "StoreUnavailableError",
    "StoredObject",
    "get_content_store",
    "get_content_store_for",
    "get_s3_client",
]
