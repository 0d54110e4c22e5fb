"""A backup that fails or is killed anywhere is never taken for a complete one, and the next one continues."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ncfd_site.core.progress import Canceled, NullReporter
from storage.backup.errors import BackupError
from storage.backup.programs import find_programs
from storage.backup.restore import find_backup
from storage.content import get_content_store
from storage.models import Document
from tests.storage import killpoints, store_setup
from tests.storage.backup.conftest import DOCUMENTS
from tests.storage.backup.sites import Site, manage
from tests.storage.content.fake_server import Handler, run_fake_server
from tests.storage.content.harness import BUCKET

STEPS = [
    ("backup: some content copied", 20),
    ("backup: dumped and not renamed", 20),
    ("backup: dumped", 20),
    ("backup: content copied", 0),
    ("backup: before the manifest", 0),
]


def test_steps_are_those_of_the_kill_points() -> None:
    assert {step for step, _ in STEPS} == {step for step in killpoints._list_steps() if step.startswith("backup")}


@pytest.mark.parametrize(("step", "left"), STEPS)
def test_killed_backup_is_continued(step: str, left: int, site: Site) -> None:
    done = site.run("-m", "tests.storage.killpoints", step, "backup")
    assert done.code == -signal.SIGKILL, done
    with pytest.raises(BackupError, match="There is no complete backup in this place"):
        find_backup(site.files())
    killed = set(site.list_backups())
    copied = len(site.list_content())
    assert copied == 20 - left or step == "backup: some content copied"
    result = site.back_up()
    assert result.copied_count == 20 - copied
    assert site.list_backups() == {result.manifest.name: ["contents", "dump", "manifest.json"]}
    assert result.manifest.name not in killed
    assert not list(Path(site.backups).glob("incoming/*"))
    with site.target() as target:
        site.restore(target)
        assert target.read_content() == site.read_content()


@pytest.mark.parametrize("step", ["restore: content restored", "restore: database restored"])
def test_killed_restore_leaves_the_database_as_it_was(step: str, site: Site) -> None:
    site.back_up()
    with site.target() as target:
        site.restore(target)
        target.execute("UPDATE documents SET publisher = 'changed'")
        command = ("restore", "--overwrite", "--into", target.url, "--content", str(target.content))
        assert site.run("-m", "tests.storage.killpoints", step, *command).code == -signal.SIGKILL
        assert target.execute("SELECT count(*) FROM documents WHERE publisher = 'changed'") == [(20,)]
        site.restore(target, overwrite=True)
        assert target.read_rows() == site.read_rows()
        assert not replace(
            target, database={**target.database, "dbname": f"{target.database['dbname']}_restoring"}
        ).exists()


def test_killed_backup_leaves_an_earlier_one_complete(site: Site) -> None:
    first = site.back_up()
    site.run("-m", "tests.storage.killpoints", "backup: before the manifest", "backup")
    assert len(site.list_backups()) == 2
    assert find_backup(site.files()) == first.manifest


def test_canceled_backup_is_continued(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    class Canceling(NullReporter):
        def begin(self, step: str, total: int | None, unit: str) -> None:
            self.step = step

        def advance(self, *_: Any, **__: Any) -> None:
            if self.step == "Copying content":
                raise Canceled

    monkeypatch.setattr("storage.backup.services.BATCH", 5)
    with pytest.raises(Canceled):
        site.back_up(Canceling("olga"))
    assert len(site.list_content()) == 5
    assert site.back_up().copied_count == 15


@pytest.mark.parametrize(("limit", "has_content"), [(10_000, False), (1_000_000, True)])
def test_full_disk_is_reported_and_leaves_whole_files(limit: int, has_content: bool, site: Site) -> None:
    """The first limit is below the size of the dump, the second below that of an object."""
    big = bytes(3_000_000)
    (number,) = store_setup.upload(big, name="big")
    done = site.run("backup", prefix=("prlimit", f"--fsize={limit}"))
    assert done.code == 6, done
    assert (
        "cannot be used: File too large. Free space or correct its permissions. Copied content is kept" in done.errors
    )
    # Objects are copied by threads: some of the 20 small ones may be missing.
    assert (0 < len(site.list_content()) <= 20) == has_content
    assert not list(Path(site.backups).glob("incoming/*"))
    Document.objects.filter(pk=number).delete()
    assert site.run("backup", prefix=("prlimit", "--fsize=1000000")).code == 6  # its object is not collected yet
    assert site.back_up().manifest.object_count == 21


def test_failing_bucket_is_reported_and_the_next_backup_completes(
    site: Site, both_tiers: str, s3_endpoint: str, settings: Any
) -> None:
    settings.BACKUP_TO = f"s3://{BUCKET}/{both_tiers}-backups"
    on_s3 = Site(site.database, site.content, settings.BACKUP_TO)
    store_setup.upload(os.urandom(20_000_000), name="sent in parts")

    def fail(handler: Handler, state: object) -> None:
        handler.respond_error(503, "SlowDown")

    with run_fake_server(fail) as failing:
        settings.CONTENT_S3_ENDPOINT = failing.endpoint
        done = manage("backup")
        assert done.code == 6
        assert done.errors.startswith("The bucket of backups failed (503 SlowDown). Try again later.")
    settings.CONTENT_S3_ENDPOINT = s3_endpoint
    assert on_s3.back_up().copied_count == 21
    assert on_s3.back_up().copied_count == 0
    with site.target() as target:
        on_s3.restore(target)
        assert target.read_content() == site.read_content()
        assert target.read_rows() == site.read_rows()


def test_store_that_fails_is_no_backup_without_its_objects(
    site: Site, both_tiers: str, s3_endpoint: str, settings: Any
) -> None:
    store_setup.upload(b"on S3", name="s3", store=get_content_store("s3"))

    def fail(handler: Handler, state: object) -> None:
        handler.respond_error(500, "InternalError")

    with run_fake_server(fail) as failing:
        settings.CONTENT_S3_ENDPOINT = failing.endpoint
        done = manage("backup")
        assert done.code == 6
        assert "The S3 content store failed (500 InternalError)." in done.errors
        assert set(map(tuple, site.list_backups().values())) == {("dump",)}
    settings.CONTENT_S3_ENDPOINT = s3_endpoint
    assert site.back_up().manifest.object_count == 21


def test_retention_deletes_what_no_kept_backup_uses(site: Site) -> None:
    first = site.back_up()
    store_setup.upload(b"new", name="new")
    Document.objects.filter(source_url__endswith="doc/0").delete()
    site.execute("DELETE FROM storage_objects WHERE refcount = 0")
    get_content_store().delete(store_setup.build_uri(DOCUMENTS[0]))
    second = site.back_up()
    assert len(site.list_content()) == 21
    third = site.back_up(keep=2)
    assert third.pruned == [first.manifest.name]
    assert list(site.list_backups()) == [second.manifest.name, third.manifest.name]
    assert len(site.list_content()) == 20
    with site.target() as target:
        site.restore(target)
        assert target.read_content() == site.read_content()


def test_missing_programs_are_named_with_their_package() -> None:
    with pytest.raises(BackupError, match=r"no pg_dump of that version\. Install the package postgresql-client-99"):
        find_programs(99, "pg_dump")
