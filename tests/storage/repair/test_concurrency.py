"""Repairs are safe concurrently with each other and with writers."""

import hashlib
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections, transaction

from ncfd_site.core import sql
from ncfd_site.core.progress import NullReporter
from storage.content.backends import StorePool
from storage.models import StorageEvent, StorageObject, StorageTombstone
from storage.repair import Repairer, RepairOptions, RepairSession
from storage.verification import FindingKind, VerifyOptions
from storage.verification.findings import Finding
from tests.storage.verification.runs import run_verification
from tests.storage.verification.scenarios import create_all_errors
from tests.storage.verification.site import (
    Site,
    add_reference,
    age_file,
    run_command,
    store_object,
    triggers_disabled,
)

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True)


def close_after(work: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    return run


def create_repairer() -> Repairer:
    return Repairer(RepairOptions(min_age_minutes=0), StorePool())


def run_repair(barrier: threading.Barrier) -> int:
    """Propose and repair with a barrier in between; return the number of repairs."""
    with closing(RepairSession(RepairOptions(), lambda line: None)) as session:
        session.verify(VerifyOptions(), NullReporter("olga"))
        session.propose(NullReporter("olga"))
        barrier.wait()
        session.repair(NullReporter("olga"))
        return session.counts.repaired


@committed
def test_concurrent_repairs_make_each_repair_once(site: Site) -> None:
    with transaction.atomic():
        create_all_errors(site)
        for number in range(20):
            store_object(b"another %d" % number, size_bytes=99)
    site.harnesses["local"].store.put(b"corrupt")
    barrier = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        repaired = [one.result() for one in [pool.submit(close_after(lambda: run_repair(barrier))) for _ in range(2)]]
    assert sum(repaired) == StorageEvent.objects.count() == 28
    assert {one.kind for one in run_verification()[0]} == {
        FindingKind.MISSING_REFERRER,
        FindingKind.DOCUMENT_HASH,
        FindingKind.MISSING,
        FindingKind.URI,
        FindingKind.OVERDUE,
    }


@committed
def test_counts_are_repaired_while_references_are_added(site: Site) -> None:
    rows = [store_object(b"object %d" % number) for number in range(30)]
    with transaction.atomic(), triggers_disabled():
        sql.execute("UPDATE storage_objects SET refcount = 500")
    done = threading.Event()

    def add_references(client: int) -> int:
        number = 0
        while not done.is_set():
            number += 1
            add_reference(rows[number % 30], "note", client * 1_000_000 + number)
        return number

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(close_after(partial(add_references, client))) for client in range(3)]
        result = run_command("storage_repair", "--yes", "--only", "counts")
        done.set()
        assert sum(one.result() for one in writers) == sql.value("SELECT count(*) FROM storage_references")
    assert result.code == 0
    assert StorageEvent.objects.filter(action="count_corrected").count() == 30
    assert run_verification()[0] == []


@contextmanager
def open_transaction(*statements: str) -> Iterator[None]:
    """Keep a transaction open on another connection, and commit it at the end."""
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
def test_orphan_referenced_concurrently_is_not_deleted(site: Site) -> None:
    """The repair cannot see the uncommitted reference; garbage collection checks again."""
    stored = site.harnesses["local"].store.put(b"referenced again")
    (finding,) = run_verification(min_age_minutes=0)[0]
    with open_transaction(f"SELECT increment_storage_refcount('{stored.sha256}', 'local', 'note', 1)"):
        assert Repairer(RepairOptions(min_age_minutes=0, retention_days=0), StorePool()).repair(finding, "olga")
    assert sql.value("SELECT is_in_use FROM lock_due_tombstones('', 10)")
    assert not StorageTombstone.objects.exists()


def test_referenced_orphan_gets_no_tombstone(site: Site) -> None:
    stored = site.harnesses["local"].store.put(b"referenced again")
    (finding,) = run_verification(min_age_minutes=0)[0]
    sql.scalar("increment_storage_refcount", stored.sha256, "local", "note", 1)
    assert not create_repairer().repair(finding, "olga")
    assert not StorageTombstone.objects.exists()
    assert not StorageEvent.objects.exists()


def test_orphan_uploaded_again_is_too_recent(site: Site) -> None:
    stored = site.harnesses["local"].store.put(b"coming")
    age_file(site.root / stored.sha256[:2] / stored.sha256, hours=2)
    (finding,) = run_verification()[0]
    site.harnesses["local"].store.put(b"coming")
    assert not Repairer(RepairOptions(), StorePool()).repair(finding, "olga")


@committed
def test_locked_object_is_reported_and_others_are_repaired(site: Site) -> None:
    rows = [store_object(b"content %d" % number, size_bytes=99) for number in range(3)]
    sql.execute("SET lock_timeout = '50ms'")
    with open_transaction(f"SELECT FROM storage_objects WHERE object_id = {rows[1].pk} FOR UPDATE"):
        result = run_command("storage_repair", "--yes")
    assert result.code == 5
    assert "its row has 99. The repair failed: canceling statement due to lock timeout." in result.out
    assert result.lines[-1] == "Made 2 of 3 repairs."
    assert sorted(StorageObject.objects.values_list("size_bytes", flat=True)) == [9, 9, 99]
    assert StorageEvent.objects.count() == 2


def test_repair_without_record_is_rolled_back(site: Site) -> None:
    store_object(b"content", size_bytes=99)
    sql.execute("ALTER TABLE storage_events ADD CONSTRAINT full_disk CHECK (action <> 'repaired')")
    assert run_command("storage_repair", "--yes").code == 5
    assert StorageObject.objects.get().size_bytes == 99


def test_repairs_before_a_stop_are_kept_and_counted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        store_object(b"content %d" % number, size_bytes=99)
    repair, calls = Repairer.repair, []

    def stop_at_third(self: Repairer, finding: Finding, actor: str) -> bool:
        calls.append(finding)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return repair(self, finding, actor)

    monkeypatch.setattr(Repairer, "repair", stop_at_third)
    result = run_command("storage_repair", "--yes")
    assert result.code == 130
    assert result.error == "Stopped after 2 repairs. Run the same command again to resume."
    assert StorageEvent.objects.count() == 2


def test_copy_corrupted_before_the_repair_is_not_used(site: Site) -> None:
    """It was intact when the repair was proposed."""
    row = store_object(b"the bytes")
    site.remove(row)
    site.harnesses["s3"].store.put(b"the bytes")
    (finding,) = run_verification()[0]
    assert create_repairer().propose(finding) is not None
    site.harnesses["s3"].overwrite(row.sha256, b"the bytez")
    assert not create_repairer().repair(finding, "olga")
    assert not (site.root / row.sha256[:2] / row.sha256).exists()
    assert not StorageEvent.objects.exists()


def test_upload_written_again_is_kept(site: Site, tmp_path: Path) -> None:
    path = site.root / "incoming" / "tmpold"
    site.harnesses["local"].write_file("incoming/tmpold", b"half")
    age_file(path, days=2)
    (finding,) = run_verification()[0]
    path.write_bytes(b"half and more")
    assert not create_repairer().repair(finding, "olga")
    assert path.read_bytes() == b"half and more"


@pytest.mark.parametrize("name", ["../../escaped", "/etc/hostname", "incoming/../../escaped"])
def test_file_outside_the_incoming_folder_is_not_deleted(site: Site, name: str) -> None:
    escaped = site.root.parent / "escaped"
    escaped.write_bytes(b"other file")
    age_file(escaped, days=9)
    finding = Finding(kind=FindingKind.ABANDONED, message="A file.", location=name)
    assert create_repairer().propose(finding) is None
    assert not create_repairer().repair(finding, "olga")
    assert escaped.exists()


def test_restored_data_has_the_hash_of_the_row(site: Site) -> None:
    row = store_object(b"x" * 3_000_000, "s3")
    site.remove(row)
    site.harnesses["local"].store.put(b"x" * 3_000_000)
    assert run_command("storage_repair", "--yes").code == 0
    read = site.harnesses["s3"].store.read(row.storage_uri)
    assert hashlib.sha256(read).hexdigest() == row.sha256
    assert sys.getsizeof(read) > 3_000_000
