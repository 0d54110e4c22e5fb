"""Concurrent writers and readers of documents that share objects."""

import hashlib
import itertools
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connections, transaction

from storage.content import ContentStore, get_content_store_for
from storage.content.base import ContentNotFoundError
from storage.loading import add_documents
from storage.models import Document
from tests.storage.store_setup import build_document

# Few, so that deleted objects are uploaded again all the time.
POOL = [b"content %d " % number * (1 + number % 40) for number in range(200)]
MAX_DOCUMENTS = 30


@dataclass
class Writer:
    """A writer of documents; `documents` are the existing ones with their data."""

    number: int
    store: ContentStore
    documents: dict[int, bytes] = field(default_factory=dict)
    added_count: int = 0
    read_count: int = 0

    def __post_init__(self) -> None:
        """Seed by the number."""
        self._rng = random.Random(self.number)
        self._numbers = itertools.count()

    def act(self) -> None:
        """Add, read or delete documents."""
        if len(self.documents) < MAX_DOCUMENTS and self._rng.random() < 0.5:
            self.add(self._rng.sample(POOL, self._rng.randint(1, 4)))
        elif self._rng.random() < 0.6:
            self.read_one()
        else:
            self.delete(self._rng.randint(1, 4))

    def add(self, contents: list[bytes]) -> None:
        """Add a document for each item and read it."""
        new = {f"https://example.org/{self.number}/{next(self._numbers)}": content for content in contents}
        with transaction.atomic():
            added = add_documents([build_document(url, content) for url, content in new.items()], self.store)
        assert added.keys() == new.keys(), (sorted(added), sorted(new))
        self.documents |= {added[url]: content for url, content in new.items()}
        self.added_count += len(new)
        for number in added.values():
            self.read(number)

    def delete(self, count: int) -> None:
        """Delete documents and with them their references."""
        deleted = self._rng.sample(sorted(self.documents), min(count, len(self.documents)))
        Document.objects.filter(pk__in=deleted).delete()
        for number in deleted:
            del self.documents[number]

    def read_one(self) -> None:
        """Read a random document, if any."""
        if self.documents:
            self.read(self._rng.choice(sorted(self.documents)))

    def read(self, number: int) -> None:
        """Read a document at its URI; its data must exist."""
        uri = Document.objects.values_list("storage_uri", flat=True).get(pk=number)
        assert get_content_store_for(uri).read(uri) == self.documents[number]
        self.read_count += 1


@dataclass
class Reader:
    """A reader of random documents."""

    read_count: int = 0

    def act(self) -> None:
        """Read a document; only if it was deleted concurrently may its data be missing."""
        found = Document.objects.order_by("?").values_list("pk", "storage_uri", "sha256").first()
        if found is None:
            return
        number, uri, sha256 = found
        try:
            content = get_content_store_for(uri).read(uri)
        except ContentNotFoundError:
            assert not Document.objects.filter(pk=number, storage_uri=uri).exists(), f"the data of {number} is lost"
        else:
            assert hashlib.sha256(content).hexdigest() == sha256
            self.read_count += 1


@contextmanager
def run_concurrently(actions: Sequence[Callable[[], object]]) -> Iterator[threading.Event]:
    """Repeat each action in its own thread during the block; raise their failures.

    Yields an event that is set as soon as one has failed.
    """
    stop = threading.Event()

    def work(act: Callable[[], object]) -> None:
        try:
            while not stop.is_set():
                act()
        finally:
            stop.set()
            connections.close_all()

    with ThreadPoolExecutor(len(actions)) as pool:
        futures = [pool.submit(work, act) for act in actions]
        try:
            yield stop
        finally:
            stop.set()
            for one in futures:
                one.result()
