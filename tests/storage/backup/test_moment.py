"""A backup is of one moment: its rows never name bytes that it lacks while others write and delete."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from django.db import connections

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.progress import NullReporter
from storage.backup import hold, services
from storage.backup.errors import BackupError, BackupInterruptedError
from storage.content import get_content_store
from storage.garbage_collection import collect_garbage
from storage.models import Document, StorageObject
from tests.migration.test_pooler import pgbouncer
from tests.storage import store_setup
from tests.storage.backup.conftest import DOCUMENTS
from tests.storage.backup.sites import Site
from tests.storage.soak.invariants import AT_ONCE
from tests.storage.soak.workload import POOL, Writer, run_concurrently


class Interrupter(NullReporter):
    """Acts once at the beginning of a step, in another thread as another process would."""

    def __init__(self, step: str, act: Callable[[], object]) -> None:
        super().__init__("olga")
        self._step, self._act = step, act

    def begin(self, step: str, total: int | None, unit: str) -> None:
        if step == self._step:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(run_and_close, self._act).result()


def run_and_close(act: Callable[[], object]) -> object:
    try:
        return act()
    finally:
        connections.close_all()


def delete_everything() -> None:
    """Delete all documents, their objects and what garbage collection may delete of their data."""
    Document.objects.all().delete()
    result = collect_garbage(AT_ONCE, NullReporter("olga"))
    assert (result.row_count, result.data.object_count) == (20, 0)
    assert result.data.failures == {"A backup is running, which needs the data.": 20}


def test_content_deleted_after_the_snapshot_is_in_the_backup(site: Site) -> None:
    rows, content = site.read_rows(), site.read_content()
    result = site.back_up(Interrupter("Copying content", delete_everything))
    assert (result.manifest.object_count, result.manifest.unreadable_count) == (20, 0)
    assert not StorageObject.objects.exists()
    with site.target() as target:
        site.restore(target)
        assert target.read_rows() == rows
        assert target.read_content() == content
    assert collect_garbage(AT_ONCE, NullReporter("olga")).data.object_count == 20


def test_gc_command_exits_with_partial_while_a_backup_runs(site: Site) -> None:
    codes = []

    def collect() -> None:
        Document.objects.all().delete()
        options = ("--grace-days=0", "--retention-minutes=0", "--max-delete-percent=100", "--allow-missing-references")
        codes.append(site.run("storage_gc", "--delete", *options).code)

    site.back_up(Interrupter("Copying content", collect))
    assert codes == [7]


def test_documents_added_after_the_snapshot_are_in_the_next_backup(site: Site) -> None:
    first = site.back_up(Interrupter("Copying content", lambda: store_setup.upload(b"late", name="late")))
    assert first.manifest.object_count == 20
    second = site.back_up()
    assert (second.manifest.object_count, second.copied_count, second.copied_bytes) == (21, 1, 4)


def test_second_backup_is_refused_while_one_runs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "WAIT_SECONDS", 1)
    refused = []

    def back_up() -> None:
        with pytest.raises(BackupError, match=r"^Another backup of this database is running\.") as caught:
            site.back_up()
        refused.append(caught.value.exit_code)

    site.back_up(Interrupter("Copying content", back_up))
    assert refused == [ExitCode.LOCKED]


def test_backup_that_lost_its_hold_is_not_completed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def end_hold() -> None:
        with psycopg.connect(**site.database) as connection:
            query = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'ncfd backup' AND datname = current_database()"
            )
            assert connection.execute(query).fetchall() == [(True,)]

    with pytest.raises(BackupInterruptedError, match=r"was lost\. Copied content is kept; run the backup again"):
        site.back_up(Interrupter("Copying content", end_hold))
    assert set(map(tuple, site.list_backups().values())) == {("dump",)}
    assert site.back_up().copied_count == 0

    def fail(*_: object) -> None:
        end_hold()
        raise BackupError("pg_dump failed: server closed the connection unexpectedly.")

    # Workers repeat jobs after a lost database, also if pg_dump is the first to notice it.
    monkeypatch.setattr(services, "_write_file", fail)
    with pytest.raises(BackupInterruptedError):
        site.back_up()


def test_stopped_backup_loses_its_hold(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends the hold of a process that stopped, so that it does not keep garbage for ever."""
    monkeypatch.setattr(hold, "EXPIRES_AFTER_SECONDS", 1)
    with hold.hold_data(site.database) as held:
        assert not run_in_thread(hold.may_delete_data)
        while not run_in_thread(hold.may_delete_data):
            threading.Event().wait(0.2)
        with pytest.raises(BackupError, match="was lost"):
            held.check()


def test_heartbeat_keeps_the_hold(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "EXPIRES_AFTER_SECONDS", 1)
    monkeypatch.setattr(hold, "HEARTBEAT_SECONDS", 0.2)
    with hold.hold_data(site.database) as held:
        threading.Event().wait(2)
        assert not run_in_thread(hold.may_delete_data)
        held.check()


def test_pooler_in_transaction_mode_is_refused(site: Site) -> None:
    refused = pytest.raises(BackupError, match="names a connection pooler in transaction mode, where pg_dump would")
    with pgbouncer(site.database, "transaction") as pooled, refused:
        replace(site, database=pooled).back_up()
    assert site.list_backups() == {}


def run_in_thread(act: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run_and_close, act).result()


@pytest.mark.parametrize("backend", ["local", "s3"])
def test_backups_under_load_lack_no_byte(backend: str, site: Site, both_tiers: str, tmp_path: Any) -> None:
    """Writers add and remove references of the same objects while garbage is deleted at once."""
    store = get_content_store(backend)
    writers = [Writer(number, store) for number in range(2)]
    actions = [*(writer.act for writer in writers), lambda: collect_garbage(AT_ONCE, NullReporter("gc"))]
    with run_concurrently(actions):
        while not all(writer.added_count > 20 for writer in writers):
            threading.Event().wait(0.05)
        results = [site.back_up() for _ in range(3)]
        assert [result.manifest.unreadable_count for result in results] == [0, 0, 0]
    assert results[0].copied_count > 20
    with site.target() as target:
        site.restore(target)
        found = target.execute("SELECT sha256, refcount FROM storage_objects")
        names = {sha256: path for path in target.read_content() if (sha256 := path.rpartition("/")[2])}
        assert {sha256 for sha256, refcount in found if refcount} <= names.keys()
        # Tombstones name content, too.
        assert len(found) <= results[-1].manifest.object_count
        known = {store_setup.build_uri(data).removeprefix("local://") for data in [*POOL, *DOCUMENTS]}
        assert names.keys() <= known
