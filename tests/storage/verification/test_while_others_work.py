"""Nobody who works at the same time is taken for damage."""

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
from storage.cleaning import CleaningOptions, clean
from storage.content import ContentStore, get_content_store
from storage.models import StorageObject
from storage.tiers import MoveOptions, move
from storage.verification import Kind
from storage.verification.stores import Stores
from tests.storage.verification.looking import checked
from tests.storage.verification.site import (
    Site,
    keep,
    make_document_of,
    refer,
)

pytestmark = pytest.mark.django_db(transaction=True)


class Meanwhile:
    """A store that calls `meanwhile` once, before it answers the first question of that name."""

    def __init__(self, store: ContentStore, method: str, meanwhile: Callable[[], None]) -> None:
        self._store, self._method, self._meanwhile = store, method, [meanwhile]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name != self._method or not self._meanwhile:
            return found

        def first(*given: Any, **named: Any) -> Any:
            if self._meanwhile:
                self._meanwhile.pop()()
            return found(*given, **named)

        return first


def looking_while(method: str, meanwhile: Callable[[], None]) -> Stores:
    """Stores of which the local one is asked only after `meanwhile`, which happens on a connection of its own."""

    def elsewhere() -> None:
        with ThreadPoolExecutor(1) as other:
            other.submit(_closing(meanwhile)).result()

    slow: Any = Meanwhile(get_content_store("local"), method, elsewhere)
    return Stores(lambda backend: slow if backend == "local" else get_content_store(backend))


def _closing(work: Callable[[], Any]) -> Callable[[], None]:
    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    return run


def clean_at_once() -> None:
    clean(CleaningOptions(grace_days=0, keep_minutes=0, most_percent=100), NullReporter("olga"))


def test_content_that_is_deleted_under_the_look_is_not_missing(site: Site) -> None:
    keep(b"going")
    refer(keep(b"staying"), "note", 1)
    found, _ = checked(stores=looking_while("get_size", clean_at_once))
    assert found == []
    assert StorageObject.objects.count() == 1
    assert site.harnesses["local"].count() == 1


def test_content_that_moves_under_the_look_is_looked_for_where_it_went(site: Site) -> None:
    content = keep(b"moving")
    refer(content, "note", 1)

    def move_away() -> None:
        move(MoveOptions(to="s3", keep_minutes=0), NullReporter("olga"))
        clean_at_once()

    found, summary = checked(stores=looking_while("get_size", move_away))
    assert found == []
    assert summary.checks["bytes"].looked_at == 1
    assert StorageObject.objects.get().storage_uri == f"s3://{content.sha256}"
    assert site.harnesses["local"].count() == 0


def test_content_that_moves_there_and_back_is_not_missing(site: Site) -> None:
    content = keep(b"moving")
    refer(content, "note", 1)
    site.remove(content)

    def back() -> None:
        get_content_store("s3").put(b"moving")
        for to in ("s3", "local"):
            uri = f"{to}://{content.sha256}"
            sql.scalar("tombstone_storage_uris", [uri], "1 day", "expected", "olga")
            get_content_store(to).put(b"moving")
            sql.scalar("move_storage_object", content.pk, StorageObject.objects.get().storage_uri, uri, "1 h", "olga")

    # Missing at both looks; between the second and the next reading of the row it moves there and back.
    looks: list[int] = []

    class Returning(Meanwhile):
        def get_size(self, uri: str) -> int:
            looks.append(1)
            try:
                return get_content_store("local").get_size(uri)
            finally:
                if len(looks) == 2:
                    with ThreadPoolExecutor(1) as other:
                        other.submit(_closing(back)).result()

    local: Any = Returning(get_content_store("local"), "", lambda: None)
    found, _ = checked(stores=Stores(lambda backend: local if backend == "local" else get_content_store(backend)))
    assert [one.kind for one in found] == []
    assert len(looks) == 3


def test_a_size_that_is_told_under_the_look_is_right(site: Site) -> None:
    content = keep(b"arriving", size_bytes=0)

    def tell() -> None:
        StorageObject.objects.filter(pk=content.pk).update(size_bytes=8)

    assert checked(stores=looking_while("get_size", tell))[0] == []


def test_damage_that_is_mended_under_the_look_is_none(site: Site) -> None:
    content = keep(b"mended")
    site.overwrite(content, b"Mended")

    class Mended(Meanwhile):
        def iter_chunks(self, uri: str) -> Any:
            try:
                yield from self._store.iter_chunks(uri)
            finally:
                get_content_store("local").put(b"mended")

    local: Any = Mended(get_content_store("local"), "", lambda: None)
    assert checked(stores=Stores(lambda backend: local if backend == "local" else get_content_store(backend)))[0] == []


@pytest.mark.parametrize("method", ["list_objects", "get_modified_at"])
def test_bytes_that_are_named_or_deleted_under_the_look_are_no_orphans(site: Site, method: str) -> None:
    named, deleted = (site.harnesses["local"].store.put(data) for data in (b"named", b"deleted"))

    def work() -> None:
        sql.scalar("increment_storage_refcount", named.sha256, "local", "note", 1)
        get_content_store("local").delete(deleted.uri)

    assert checked(young_minutes=0, stores=looking_while(method, work))[0] == []


def test_an_owner_that_is_deleted_takes_its_references_at_the_same_moment(site: Site) -> None:
    """A count is never seen without its references, however often rows come and go meanwhile."""
    contents = [keep(b"shared %d" % number) for number in range(4)]
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            with transaction.atomic():
                documents = [make_document_of(content) for content in contents]
            for document in documents:
                document.delete()

    with ThreadPoolExecutor(2) as others:
        running = [others.submit(_closing(work)) for _ in range(2)]
        try:
            for _ in range(30):
                assert checked()[0] == []
        finally:
            over.set()
        for one in running:
            one.result()


def make_old(root: Path, uri: str) -> None:
    """Bytes of another day, so that nothing spares them for their youth."""
    path = root / uri[-64:][:2] / uri[-64:]
    try:
        os.utime(path, (0, 0))
    except FileNotFoundError:
        pass  # moved or cleaned meanwhile


def upload_and_release(root: Path, seed: int, over: threading.Event) -> None:
    """Name content, put its bytes, commit; and release what was kept before."""
    chance = random.Random(seed)
    while not over.is_set():
        data = b"content %d" % chance.randrange(40)
        with transaction.atomic():
            content = hashlib.sha256(data).hexdigest()
            sql.scalar("increment_storage_refcount", content, "local", "note", seed)
            uri = sql.value("SELECT storage_uri FROM storage_objects WHERE sha256 = %s", [content])
            sql.execute("UPDATE storage_objects SET size_bytes = %s WHERE sha256 = %s", [len(data), content])
            get_content_store(uri.partition("://")[0]).put(data)
        if uri.startswith("local") and chance.random() < 0.5:
            make_old(root, uri)
        other = hashlib.sha256(b"content %d" % chance.randrange(40)).hexdigest()
        sql.scalar("decrement_storage_refcount", other, "local", "note", seed)


def work_for(site: Site, seconds: float) -> int:
    """Upload, release, clean and move for a while, and check all the time; returns how many checks there were."""
    for number in range(5):
        refer(keep(b"always there %d" % number), "archive", 1)
    over = threading.Event()

    def clean_all() -> None:
        while not over.is_set():
            clean_at_once()

    def move_all() -> None:
        while not over.is_set():
            for to in ("s3", "local"):
                move(MoveOptions(to=to, keep_minutes=0, limit=20), NullReporter("olga"))

    works = [
        lambda: upload_and_release(site.root, 1, over),
        lambda: upload_and_release(site.root, 2, over),
        clean_all,
        move_all,
    ]
    runs, deadline = 0, time.monotonic() + seconds
    with ThreadPoolExecutor(len(works)) as others:
        running = [others.submit(_closing(work)) for work in works]
        try:
            while time.monotonic() < deadline:
                found, summary = checked()
                assert [one.sentence for one in found if one.kind != Kind.SIZE_UNTOLD] == []
                assert summary.is_complete
                runs += 1
        finally:
            over.set()
        for one in running:
            one.result()
    connection.close()
    return runs


def test_uploads_moves_and_cleaning_give_no_finding(site: Site) -> None:
    assert work_for(site, 5) >= 2
    assert checked()[0] == []


@pytest.mark.soak
def test_two_minutes_of_uploads_moves_and_cleaning_give_no_finding(site: Site) -> None:
    assert work_for(site, 120) >= 20
    assert checked()[0] == []
