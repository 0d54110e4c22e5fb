"""People who keep documents: they add some, read them back, delete them, all with content that others keep as well."""

import hashlib
import itertools
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connections, transaction

from storage.content import ContentNotFoundError, ContentStore, get_content_store_for
from storage.loading.documents import add_documents
from storage.models import Document
from tests.storage.stocked import new_document

# Few, so that content which is being deleted is brought again all the time.
POOL = [b"content %d " % number * (1 + number % 40) for number in range(200)]
MOST = 30


@dataclass
class Keeper:
    """One of several. `documents` are those that are there, with the content that they must have."""

    number: int
    store: ContentStore
    documents: dict[int, bytes] = field(default_factory=dict)
    added: int = 0
    reads: int = 0

    def __post_init__(self) -> None:
        """Draw by the number."""
        self._chance = random.Random(self.number)
        self._numbers = itertools.count()

    def act(self) -> None:
        """Add, read or delete."""
        if len(self.documents) < MOST and self._chance.random() < 0.5:
            self.add(self._chance.sample(POOL, self._chance.randint(1, 4)))
        elif self._chance.random() < 0.6:
            self.read_one()
        else:
            self.delete(self._chance.randint(1, 4))

    def add(self, contents: list[bytes]) -> None:
        """Add a document for each content, and read all of them back."""
        new = {f"https://example.org/{self.number}/{next(self._numbers)}": content for content in contents}
        with transaction.atomic():
            added = add_documents([new_document(url, content) for url, content in new.items()], self.store)
        assert added.keys() == new.keys(), (sorted(added), sorted(new))
        self.documents |= {added[url]: content for url, content in new.items()}
        self.added += len(new)
        for number in added.values():
            self.read(number)

    def delete(self, count: int) -> None:
        """Delete some, with which their references go."""
        going = self._chance.sample(sorted(self.documents), min(count, len(self.documents)))
        Document.objects.filter(pk__in=going).delete()
        for number in going:
            del self.documents[number]

    def read_one(self) -> None:
        """Read one, where there is one."""
        if self.documents:
            self.read(self._chance.choice(sorted(self.documents)))

    def read(self, number: int) -> None:
        """Read a document where its row says that it lies; it must be there, whatever is cleaned meanwhile."""
        uri = Document.objects.values_list("storage_uri", flat=True).get(pk=number)
        assert get_content_store_for(uri).read(uri) == self.documents[number]
        self.reads += 1


@dataclass
class Reader:
    """Somebody who reads whatever documents there are."""

    reads: int = 0

    def act(self) -> None:
        """Read one; it may be deleted meanwhile, and only then may its bytes be missing."""
        found = Document.objects.order_by("?").values_list("pk", "storage_uri", "sha256").first()
        if found is None:
            return
        number, uri, sha256 = found
        try:
            content = get_content_store_for(uri).read(uri)
        except ContentNotFoundError:
            assert not Document.objects.filter(pk=number, storage_uri=uri).exists(), f"the bytes of {number} are gone"
        else:
            assert hashlib.sha256(content).hexdigest() == sha256
            self.reads += 1


@contextmanager
def at_work(acts: Sequence[Callable[[], object]]) -> Iterator[threading.Event]:
    """Let each of them act over and over, in a thread of its own, during the block; their failures are raised.

    Gives what is set as soon as one of them has failed: who waits in the block waits for that.
    """
    stop = threading.Event()

    def work(act: Callable[[], object]) -> None:
        try:
            while not stop.is_set():
                act()
        finally:
            stop.set()
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        working = [pool.submit(work, act) for act in acts]
        try:
            yield stop
        finally:
            stop.set()
            for one in working:
                one.result()
