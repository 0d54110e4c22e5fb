"""The content store: objects addressed by the SHA-256 of their bytes.

A storage URI of this site names the backend and the hash, never a folder or bucket, so both can be moved. Those of
pipelines also name a file.
"""

from storage.content.backends import get_content_store, get_content_store_for
from storage.content.base import ContentStore

__all__ = ["ContentStore", "get_content_store", "get_content_store_for"]
