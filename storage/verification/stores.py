"""The stores, asked from many threads; one that cannot be asked is not asked for ever."""

from collections import Counter
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from ncfd_site.config.errors import ConfigurationError
from storage.content import ContentError, ContentStore, StoreUnavailableError, get_content_store

# After so many refusals without an answer between them, a store counts as away until the end of the run.
PATIENCE = 16

Answer = TypeVar("Answer")


class NotAsked(Exception):
    """The store could not be asked, which says nothing of the content; `backend` is its name."""

    def __init__(self, backend: str) -> None:
        super().__init__(backend)
        self.backend = backend


class Stores:
    """The stores of the site, and why one of them cannot be asked. Threads may share it."""

    def __init__(self, opened: Callable[[str], ContentStore] = get_content_store) -> None:
        self.reasons: dict[str, str] = {}
        self._opened = opened
        self._stores: dict[str, ContentStore] = {}
        self._away: set[str] = set()
        self._refusals: Counter[str] = Counter()
        self._lock = Lock()

    def ask(self, backend: str, question: Callable[[ContentStore], Answer]) -> Answer:
        """Ask the store of that backend; raises `NotAsked`, and what the store says of content."""
        store = self._store(backend)
        try:
            answer = question(store)
        except StoreUnavailableError as error:
            self._refused(backend, str(error))
            raise NotAsked(backend) from None
        except ContentError:
            self._answered(backend)
            raise
        self._answered(backend)
        return answer

    def _store(self, backend: str) -> ContentStore:
        with self._lock:
            if backend in self._away:
                raise NotAsked(backend)
            if backend not in self._stores:
                # In the lock: boto3 makes no two clients at a time.
                try:
                    self._stores[backend] = self._opened(backend)
                except (ConfigurationError, StoreUnavailableError) as error:
                    self.reasons[backend] = str(error)
                    self._away.add(backend)
                    raise NotAsked(backend) from None
            return self._stores[backend]

    def _refused(self, backend: str, reason: str) -> None:
        with self._lock:
            self.reasons.setdefault(backend, reason)
            self._refusals[backend] += 1
            if self._refusals[backend] >= PATIENCE:
                self._away.add(backend)

    def _answered(self, backend: str) -> None:
        with self._lock:
            self._refusals[backend] = 0
