"""Repairs are safe beside each other and beside whoever writes."""

import hashlib
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections, transaction

from ncfd_site.core import sql
from ncfd_site.core.progress import NullReporter
from storage.models import StorageEvent, StorageObject, StorageTombstone
from storage.repair import Mender, MendOptions, Repair
from storage.verification import Kind, VerifyOptions
from storage.verification.findings import Finding
from storage.verification.stores import Stores
from tests.storage.verification.looking import checked
from tests.storage.verification.prepared import everything_wrong
from tests.storage.verification.site import (
    Site,
    age_file,
    as_after_a_restore,
    command,
    keep,
    refer,
)

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)


def elsewhere(work: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    return run


def mender() -> Mender:
    return Mender(MendOptions(young_minutes=0), Stores())


def repair(barrier: threading.Barrier) -> int:
    """Look and mend, with the other in between; returns how many changes were made."""
    with Repair(MendOptions(), lambda line: None) as one:
        one.check(VerifyOptions(), NullReporter("olga"))
        one.name(NullReporter("olga"))
        barrier.wait()
        one.mend(NullReporter("olga"))
        return one.progress.made


@committed
def test_two_repairs_at_once_make_each_change_once(site: Site) -> None:
    with transaction.atomic():
        everything_wrong(site)
        for number in range(20):
            keep(b"another %d" % number, size_bytes=99)
    site.harnesses["local"].store.put(b"damaged")
    barrier = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        made = [one.result() for one in [pool.submit(elsewhere(lambda: repair(barrier))) for _ in range(2)]]
    assert sum(made) == StorageEvent.objects.count() == 28
    assert {one.kind for one in checked()[0]} == {
        Kind.OWNER_MISSING,
        Kind.DOCUMENT_HASH,
        Kind.MISSING,
        Kind.ADDRESS,
        Kind.OVERDUE,
    }


@committed
def test_counts_are_mended_while_others_count(site: Site) -> None:
    contents = [keep(b"content %d" % number) for number in range(30)]
    with transaction.atomic(), as_after_a_restore():
        sql.execute("UPDATE storage_objects SET refcount = 500")
    over = threading.Event()

    def count(client: int) -> int:
        number = 0
        while not over.is_set():
            number += 1
            refer(contents[number % 30], "note", client * 1_000_000 + number)
        return number

    with ThreadPoolExecutor(3) as pool:
        counting = [pool.submit(elsewhere(partial(count, client))) for client in range(3)]
        ended = command("storage_repair", "--yes", "--only", "counts")
        over.set()
        assert sum(one.result() for one in counting) == sql.value("SELECT count(*) FROM storage_references")
    assert ended.code == 0
    assert StorageEvent.objects.filter(action="count_corrected").count() == 30
    assert checked()[0] == []


@contextmanager
def open_elsewhere(*statements: str) -> Iterator[None]:
    """Have somebody's transaction open, and commit it in the end."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            for statement in statements:
                cursor.execute(statement)
            yield
            cursor.execute("COMMIT")
    finally:
        other.close()


@committed
def test_an_orphan_that_is_named_meanwhile_is_not_deleted_later(site: Site) -> None:
    """Naming is under way, and the repair cannot see it: whoever cleans looks again."""
    stored = site.harnesses["local"].store.put(b"named again")
    (finding,) = checked(young_minutes=0)[0]
    with open_elsewhere(f"SELECT increment_storage_refcount('{stored.sha256}', 'local', 'note', 1)"):
        assert Mender(MendOptions(young_minutes=0, keep_days=0), Stores()).mend(finding, "olga")
    assert sql.value("SELECT is_in_use FROM lock_due_tombstones('', 10)")
    assert not StorageTombstone.objects.exists()


def test_an_orphan_that_was_named_in_the_end_gets_no_tombstone(site: Site) -> None:
    stored = site.harnesses["local"].store.put(b"named again")
    (finding,) = checked(young_minutes=0)[0]
    sql.scalar("increment_storage_refcount", stored.sha256, "local", "note", 1)
    assert not mender().mend(finding, "olga")
    assert not StorageTombstone.objects.exists()
    assert not StorageEvent.objects.exists()


def test_an_orphan_that_was_put_again_is_young(site: Site) -> None:
    stored = site.harnesses["local"].store.put(b"coming")
    age_file(site.root / stored.sha256[:2] / stored.sha256, hours=2)
    (finding,) = checked()[0]
    site.harnesses["local"].store.put(b"coming")
    assert not Mender(MendOptions(), Stores()).mend(finding, "olga")


@committed
def test_content_that_is_locked_is_told_and_the_rest_is_mended(site: Site) -> None:
    contents = [keep(b"content %d" % number, size_bytes=99) for number in range(3)]
    sql.execute("SET lock_timeout = '50ms'")
    with open_elsewhere(f"SELECT FROM storage_objects WHERE object_id = {contents[1].pk} FOR UPDATE"):
        ended = command("storage_repair", "--yes")
    assert ended.code == 5
    assert "its row says 99. It was not mended: canceling statement due to lock timeout." in ended.out
    assert ended.lines[-1] == "Made and recorded 2 of 3 changes."
    assert sorted(StorageObject.objects.values_list("size_bytes", flat=True)) == [9, 9, 99]
    assert StorageEvent.objects.count() == 2


def test_a_record_that_cannot_be_written_takes_the_change_back(site: Site) -> None:
    keep(b"content", size_bytes=99)
    sql.execute("ALTER TABLE storage_events ADD CONSTRAINT full_disk CHECK (action <> 'repaired')")
    assert command("storage_repair", "--yes").code == 5
    assert StorageObject.objects.get().size_bytes == 99


def test_what_was_made_before_a_stop_stays_and_is_counted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        keep(b"content %d" % number, size_bytes=99)
    mend, calls = Mender.mend, []

    def stopping(self: Mender, finding: Finding, actor: str) -> bool:
        calls.append(finding)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return mend(self, finding, actor)

    monkeypatch.setattr(Mender, "mend", stopping)
    ended = command("storage_repair", "--yes")
    assert ended.code == 130
    assert ended.said == "Stopped. 2 changes are made and recorded; run the same command again to go on."
    assert StorageEvent.objects.count() == 2


def test_a_copy_that_is_damaged_while_it_is_read_is_not_taken(site: Site) -> None:
    """It was whole when the change was named, and is not when it is made."""
    content = keep(b"the bytes")
    site.remove(content)
    site.harnesses["s3"].store.put(b"the bytes")
    (finding,) = checked()[0]
    assert mender().look(finding) is not None
    site.harnesses["s3"].overwrite(content.sha256, b"the bytez")
    assert not mender().mend(finding, "olga")
    assert not (site.root / content.sha256[:2] / content.sha256).exists()
    assert not StorageEvent.objects.exists()


def test_a_file_that_is_written_again_is_kept(site: Site, tmp_path: Path) -> None:
    path = site.root / "incoming" / "tmpold"
    site.harnesses["local"].write_file("incoming/tmpold", b"half")
    age_file(path, days=2)
    (finding,) = checked()[0]
    path.write_bytes(b"half and more")
    assert not mender().mend(finding, "olga")
    assert path.read_bytes() == b"half and more"


@pytest.mark.parametrize("name", ["../../escaped", "/etc/hostname", "incoming/../../escaped"])
def test_a_file_that_is_named_elsewhere_is_not_deleted(site: Site, name: str) -> None:
    escaped = site.root.parent / "escaped"
    escaped.write_bytes(b"somebody's")
    age_file(escaped, days=9)
    finding = Finding(kind=Kind.ABANDONED, sentence="A file.", address=name)
    assert mender().look(finding) is None
    assert not mender().mend(finding, "olga")
    assert escaped.exists()


def test_the_hash_of_what_comes_back_is_that_of_the_row(site: Site) -> None:
    content = keep(b"x" * 3_000_000, "s3")
    site.remove(content)
    site.harnesses["local"].store.put(b"x" * 3_000_000)
    assert command("storage_repair", "--yes").code == 0
    read = site.harnesses["s3"].store.read(content.storage_uri)
    assert hashlib.sha256(read).hexdigest() == content.sha256
    assert sys.getsizeof(read) > 3_000_000
