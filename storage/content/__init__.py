"""The content store: bytes under their SHA-256.

A document's row names its bytes by hash and address; this package keeps the bytes. The address says which backend
holds them and never where: the folder of the local backend, or the bucket of the other, may move.
"""

from storage.content.choice import content_store, store_of
from storage.content.errors import (
    ContentAddressRefused,
    ContentDamaged,
    ContentError,
    ContentFull,
    ContentMissing,
    ContentTooLarge,
    ContentUnavailable,
)
from storage.content.interface import CHUNK, WRITERS, ContentStore, Held, Stored
from storage.content.local import LocalContentStore
from storage.content.s3 import S3ContentStore
from storage.content.s3_client import S3Place, s3_client

__all__ = [
    "CHUNK",
    "WRITERS",
    "ContentAddressRefused",
    "ContentDamaged",
    "ContentError",
    "ContentFull",
    "ContentMissing",
    "ContentStore",
    "ContentTooLarge",
    "ContentUnavailable",
    "Held",
    "LocalContentStore",
    "S3ContentStore",
    "S3Place",
    "Stored",
    "content_store",
    "s3_client",
    "store_of",
]
