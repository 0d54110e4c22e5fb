"""The configured content stores, local disk and optionally S3, and concurrent calls with a circuit breaker."""

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from django.conf import settings

from ncfd_site.config.errors import ConfigurationError
from storage.content.base import WRITERS, ContentError, ContentStore, StoreUnavailableError, parse_uri
from storage.content.local import LocalContentStore
from storage.content.s3 import S3ContentStore
from storage.content.s3_client import S3Location, get_s3_client

# Consecutive failures after which a store is not called again in the run.
MAX_FAILURES = 16

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def get_content_store(backend_type: str = LocalContentStore.backend_type) -> ContentStore:
    """Return the store of a backend, `local` or `s3`; raises `ConfigurationError` if it is unknown or not set up."""
    if backend_type == LocalContentStore.backend_type:
        return LocalContentStore(settings.CONTENT_ROOT)
    if backend_type != S3ContentStore.backend_type:
        raise ConfigurationError(f"Unknown content store {backend_type!r}. Use local or s3.")
    if not settings.CONTENT_S3_BUCKET:
        raise ConfigurationError("The S3 content store is not configured. Set CONTENT_S3_BUCKET to the bucket's name.")
    location = S3Location(
        bucket=settings.CONTENT_S3_BUCKET,
        prefix=settings.CONTENT_S3_PREFIX,
        endpoint=settings.CONTENT_S3_ENDPOINT,
        region=settings.CONTENT_S3_REGION,
    )
    return S3ContentStore(get_s3_client(location), location.bucket, location.prefix)


def get_content_store_for(uri: str) -> ContentStore:
    """Return the store that a URI names; raises `InvalidUriError`, or `ConfigurationError` if it is not set up."""
    return get_content_store(parse_uri(uri).backend)


class StoreSkippedError(Exception):
    """The store of `backend` is unavailable, so nothing is known about the object."""

    def __init__(self, backend: str) -> None:
        super().__init__(backend)
        self.backend = backend


class StorePool:
    """The stores of the site, and the first failure of each. Thread-safe."""

    def __init__(self, open_store: Callable[[str], ContentStore] = get_content_store) -> None:
        self.failure_reasons: dict[str, str] = {}
        self._open_store = open_store
        self._stores: dict[str, ContentStore] = {}
        self._unavailable: set[str] = set()
        self._failure_counts: Counter[str] = Counter()
        self._lock = Lock()

    def call(self, backend: str, operation: Callable[[ContentStore], Answer]) -> Answer:
        """Call a store; raises `StoreSkippedError`, and the store's errors about the object."""
        store = self._get_store(backend)
        try:
            answer = operation(store)
        except StoreUnavailableError as error:
            self._record_failure(backend, str(error))
            raise StoreSkippedError(backend) from None
        except ContentError:
            self._record_answer(backend)
            raise
        self._record_answer(backend)
        return answer

    def _get_store(self, backend: str) -> ContentStore:
        with self._lock:
            if backend in self._unavailable:
                raise StoreSkippedError(backend)
            if backend not in self._stores:
                # Under the lock: boto3 cannot create clients concurrently.
                try:
                    self._stores[backend] = self._open_store(backend)
                except (ConfigurationError, StoreUnavailableError) as error:
                    self.failure_reasons[backend] = str(error)
                    self._unavailable.add(backend)
                    raise StoreSkippedError(backend) from None
            return self._stores[backend]

    def _record_failure(self, backend: str, reason: str) -> None:
        with self._lock:
            self.failure_reasons.setdefault(backend, reason)
            self._failure_counts[backend] += 1
            if self._failure_counts[backend] >= MAX_FAILURES:
                self._unavailable.add(backend)

    def _record_answer(self, backend: str) -> None:
        with self._lock:
            self._failure_counts[backend] = 0


def map_concurrently(ask: Callable[[Item], Answer], items: Iterable[Item]) -> list[Answer]:
    """Return the answers for all items, in order, asked from many threads.

    After an exception or Ctrl-C, pending items are canceled.
    """
    workers = ThreadPoolExecutor(WRITERS)
    try:
        return list(workers.map(ask, items))
    finally:
        workers.shutdown(cancel_futures=True)
