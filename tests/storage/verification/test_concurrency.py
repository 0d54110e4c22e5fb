"""Concurrent work is not mistaken for errors."""

import hashlib
import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections, transaction

from ncfd_site.core import sql
from ncfd_site.core.progress import NullReporter
from storage.content import ContentStore, get_content_store
from storage.content.backends import StorePool
from storage.garbage_collection import GcOptions, collect_garbage
from storage.models import StorageObject
from storage.tiers import MoveOptions, move_objects
from storage.verification import FindingKind
from tests.storage.verification.runs import run_verification
from tests.storage.verification.site import (
    Site,
    add_reference,
    create_document,
    store_object,
)

pytestmark = pytest.mark.django_db(transaction=True)


class InterruptedStore:
    """A store that calls a function once, before the first call of a method."""

    def __init__(self, store: ContentStore, method: str, interrupt: Callable[[], None]) -> None:
        self._store, self._method, self._interrupts = store, method, [interrupt]

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)
        if name != self._method or not self._interrupts:
            return attribute

        def call(*given: Any, **named: Any) -> Any:
            if self._interrupts:
                self._interrupts.pop()()
            return attribute(*given, **named)

        return call


def create_interrupted_stores(method: str, interrupt: Callable[[], None]) -> StorePool:
    """Return stores whose local one is interrupted by a function in another thread."""

    def run_in_thread() -> None:
        with ThreadPoolExecutor(1) as other:
            other.submit(_close_after(interrupt)).result()

    interrupted: Any = InterruptedStore(get_content_store("local"), method, run_in_thread)
    return StorePool(lambda backend: interrupted if backend == "local" else get_content_store(backend))


def _close_after(work: Callable[[], Any]) -> Callable[[], None]:
    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    return run


def collect_all_garbage() -> None:
    collect_garbage(GcOptions(grace_days=0, retention_minutes=0, max_delete_percent=100), NullReporter("olga"))


def test_object_deleted_during_its_check_is_not_missing(site: Site) -> None:
    store_object(b"going")
    add_reference(store_object(b"staying"), "note", 1)
    found, _ = run_verification(stores=create_interrupted_stores("get_size", collect_all_garbage))
    assert found == []
    assert StorageObject.objects.count() == 1
    assert site.harnesses["local"].count() == 1


def test_object_moved_during_its_check_is_read_at_its_new_uri(site: Site) -> None:
    row = store_object(b"moving")
    add_reference(row, "note", 1)

    def move_away() -> None:
        move_objects(MoveOptions(to="s3", retention_minutes=0), NullReporter("olga"))
        collect_all_garbage()

    found, summary = run_verification(stores=create_interrupted_stores("get_size", move_away))
    assert found == []
    assert summary.checks["presence"].checked_count == 1
    assert StorageObject.objects.get().storage_uri == f"s3://{row.sha256}"
    assert site.harnesses["local"].count() == 0


def test_object_that_moves_away_and_back_is_not_missing(site: Site) -> None:
    row = store_object(b"moving")
    add_reference(row, "note", 1)
    site.remove(row)

    def move_there_and_back() -> None:
        get_content_store("s3").put(b"moving")
        for to in ("s3", "local"):
            uri = f"{to}://{row.sha256}"
            sql.scalar("tombstone_storage_uris", [uri], "1 day", "expected", "olga")
            get_content_store(to).put(b"moving")
            sql.scalar("move_storage_object", row.pk, StorageObject.objects.get().storage_uri, uri, "1 h", "olga")

    # Missing in both attempts; it moves away and back before the row is read again.
    calls: list[int] = []

    class ReturningStore(InterruptedStore):
        def get_size(self, uri: str) -> int:
            calls.append(1)
            try:
                return get_content_store("local").get_size(uri)
            finally:
                if len(calls) == 2:
                    with ThreadPoolExecutor(1) as other:
                        other.submit(_close_after(move_there_and_back)).result()

    local: Any = ReturningStore(get_content_store("local"), "", lambda: None)
    found, _ = run_verification(
        stores=StorePool(lambda backend: local if backend == "local" else get_content_store(backend))
    )
    assert [one.kind for one in found] == []
    assert len(calls) == 3


def test_size_recorded_during_the_check_is_right(site: Site) -> None:
    row = store_object(b"arriving", size_bytes=0)

    def record_size() -> None:
        StorageObject.objects.filter(pk=row.pk).update(size_bytes=8)

    assert run_verification(stores=create_interrupted_stores("get_size", record_size))[0] == []


def test_data_repaired_during_its_check_is_not_corrupt(site: Site) -> None:
    row = store_object(b"repaired")
    site.overwrite(row, b"Repaired")

    class RepairedStore(InterruptedStore):
        def iter_chunks(self, uri: str) -> Any:
            try:
                yield from self._store.iter_chunks(uri)
            finally:
                get_content_store("local").put(b"repaired")

    local: Any = RepairedStore(get_content_store("local"), "", lambda: None)
    assert (
        run_verification(stores=StorePool(lambda backend: local if backend == "local" else get_content_store(backend)))[
            0
        ]
        == []
    )


@pytest.mark.parametrize("method", ["list_objects", "get_modified_at"])
def test_data_referenced_or_deleted_during_the_check_is_not_an_orphan(site: Site, method: str) -> None:
    referenced, deleted = (site.harnesses["local"].store.put(data) for data in (b"referenced", b"deleted"))

    def work() -> None:
        sql.scalar("increment_storage_refcount", referenced.sha256, "local", "note", 1)
        get_content_store("local").delete(deleted.uri)

    assert run_verification(min_age_minutes=0, stores=create_interrupted_stores(method, work))[0] == []


def test_referrer_and_references_are_deleted_atomically(site: Site) -> None:
    """A count is never read without its references, however often documents are added and deleted."""
    rows = [store_object(b"shared %d" % number) for number in range(4)]
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            with transaction.atomic():
                documents = [create_document(row) for row in rows]
            for document in documents:
                document.delete()

    with ThreadPoolExecutor(2) as others:
        running = [others.submit(_close_after(work)) for _ in range(2)]
        try:
            for _ in range(30):
                assert run_verification()[0] == []
        finally:
            done.set()
        for one in running:
            one.result()


def make_old(root: Path, uri: str) -> None:
    """Set an old modification time, so that the data is not too recent to be an orphan."""
    path = root / uri[-64:][:2] / uri[-64:]
    try:
        os.utime(path, (0, 0))
    except FileNotFoundError:
        pass  # moved or deleted concurrently


def upload_and_release(root: Path, seed: int, done: threading.Event) -> None:
    """Reference an object, store its data, commit; then release another one."""
    rng = random.Random(seed)
    while not done.is_set():
        data = b"object %d" % rng.randrange(40)
        with transaction.atomic():
            sha256 = hashlib.sha256(data).hexdigest()
            sql.scalar("increment_storage_refcount", sha256, "local", "note", seed)
            uri = sql.value("SELECT storage_uri FROM storage_objects WHERE sha256 = %s", [sha256])
            sql.execute("UPDATE storage_objects SET size_bytes = %s WHERE sha256 = %s", [len(data), sha256])
            get_content_store(uri.partition("://")[0]).put(data)
        if uri.startswith("local") and rng.random() < 0.5:
            make_old(root, uri)
        other = hashlib.sha256(b"object %d" % rng.randrange(40)).hexdigest()
        sql.scalar("decrement_storage_refcount", other, "local", "note", seed)


def run_workload(site: Site, seconds: float) -> int:
    """Upload, release, collect garbage and move while verifying; return the number of verifications."""
    for number in range(5):
        add_reference(store_object(b"always there %d" % number), "archive", 1)
    done = threading.Event()

    def collect_repeatedly() -> None:
        while not done.is_set():
            collect_all_garbage()

    def move_repeatedly() -> None:
        while not done.is_set():
            for to in ("s3", "local"):
                move_objects(MoveOptions(to=to, retention_minutes=0, limit=20), NullReporter("olga"))

    workers = [
        lambda: upload_and_release(site.root, 1, done),
        lambda: upload_and_release(site.root, 2, done),
        collect_repeatedly,
        move_repeatedly,
    ]
    runs, deadline = 0, time.monotonic() + seconds
    with ThreadPoolExecutor(len(workers)) as others:
        running = [others.submit(_close_after(work)) for work in workers]
        try:
            while time.monotonic() < deadline:
                found, summary = run_verification()
                assert [one.message for one in found if one.kind != FindingKind.UNKNOWN_SIZE] == []
                assert summary.is_complete
                runs += 1
        finally:
            done.set()
        for one in running:
            one.result()
    connection.close()
    return runs


def test_uploads_moves_and_garbage_collection_cause_no_findings(site: Site) -> None:
    assert run_workload(site, 5) >= 2
    assert run_verification()[0] == []


@pytest.mark.soak
def test_two_minutes_of_uploads_moves_and_garbage_collection_cause_no_findings(site: Site) -> None:
    assert run_workload(site, 120) >= 20
    assert run_verification()[0] == []
