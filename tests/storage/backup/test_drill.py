"""A drill restores into a scratch server, verifies, and leaves nothing; it is a job, as backups are."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from ncfd_site.core.progress import NullReporter
from ncfd_site.core.roles import Role
from ncfd_site.jobs.job_types import find_job_type
from ncfd_site.jobs.models import Job
from storage.backup import drill
from storage.backup import restore as restoring
from storage.backup.errors import BackupError
from storage.backup.jobs import start_backup, start_restore_drill
from storage.backup.programs import find_programs
from tests import databases
from tests.factories import make_user
from tests.jobs.conftest import run
from tests.storage.backup.sites import Keywords, Site, manage


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder for temporary files, whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="ncfd-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        monkeypatch.setenv("TMPDIR", name)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


def test_drill_restores_verifies_and_leaves_nothing(site: Site, scratch: Path) -> None:
    site.back_up()
    done = manage("restore_drill")
    assert done.code == 0, done
    lines = done.output.splitlines()
    assert [line.partition(".")[0] for line in lines[1:5]] == [
        f"{name}: exit code 0" for name in ("schema", "drift", "scores", "storage")
    ]
    assert lines[5].endswith(" s; the scratch server is deleted.")
    assert list(scratch.iterdir()) == []


def test_failed_verification_fails_the_drill(site: Site, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "CHECKS", restoring.CHECKS[:1])
    monkeypatch.setattr(restoring, "DATA_CHECKS", ())
    site.execute("DROP INDEX ix_storage_tombstones_hash")
    site.back_up()
    done = manage("restore_drill")
    assert (done.code, done.errors) == (3, "Restored, but verification failed: schema.")
    assert list(scratch.iterdir()) == []


def test_server_of_a_killed_drill_is_deleted_by_the_next(site: Site, scratch: Path) -> None:
    site.back_up()
    killed = site.run("-m", "tests.storage.killpoints", "drill: restored", "restore_drill")
    assert killed.code == -signal.SIGKILL, killed
    (home,) = scratch.glob("ncfd-drill-*")
    process = int((home / "data" / "postmaster.pid").read_text().splitlines()[0])
    os.kill(process, 0)
    with drill._start_server(18):
        assert not home.exists()
    with suppress(psutil.NoSuchProcess):
        psutil.Process(process).wait(timeout=10)


def test_backup_and_drill_are_jobs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drill, "run_checks", lambda *_: iter([restoring.CheckResult("schema", 0, "Verified.")]))
    olga = make_user(Role.OPERATOR)
    backup, rehearsal = start_backup(3, actor=olga), start_restore_drill(actor=olga)
    run()
    backup.refresh_from_db()
    rehearsal.refresh_from_db()
    assert (backup.state, rehearsal.state) == (Job.State.DONE, Job.State.DONE), (backup.error, rehearsal.error)
    assert backup.result
    assert rehearsal.result
    assert "20 objects" in find_job_type("backup").conclude(backup.result)
    assert rehearsal.result["checks"] == [{"name": "schema", "exit_code": 0, "message": "Verified."}]
    assert find_job_type("backup").describe(backup.arguments) == "keeps the newest 3 backups"


def test_job_of_a_drill_with_findings_fails(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.back_up()
    monkeypatch.setattr(drill, "run_checks", lambda *_: iter([restoring.CheckResult("scores", 3, "2 mismatches.")]))
    with pytest.raises(BackupError, match=r"scores: exit code 3\. 2 mismatches\."):
        find_job_type("restore_drill").run({}, NullReporter("olga"))


def test_backup_job_without_destination_names_the_setting(site: Site, settings: Any) -> None:
    settings.BACKUP_TO = ""
    job = start_backup(None, actor=make_user(Role.OPERATOR))
    run()
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert job.error == "Name the place of the backups: with an option, or in BACKUP_TO."


def test_ordinary_server_is_backed_up_and_restored(ordinary_empty: Keywords, local_site: Path, tmp_path: Path) -> None:
    """The programs are those of the server's version, which requires a password; grants are restored."""
    databases.migrate(ordinary_empty)
    home = Site(ordinary_empty, local_site, str(tmp_path / "backups"))
    home.execute("INSERT INTO companies (cik, name, name_norm) VALUES (1, 'Acme', 'acme')")
    home.execute("CREATE ROLE ncfd_tests_pipeline")
    home.execute("GRANT SELECT ON trials TO ncfd_tests_pipeline")
    try:
        assert home.back_up().manifest.database.roles == ["ncfd_tests_pipeline"]
        with home.target() as target:
            home.restore(target)
            assert target.read_rows() == home.read_rows()
            assert target.execute("SELECT has_table_privilege('ncfd_tests_pipeline', 'trials', 'SELECT')") == [(True,)]
            assert target.run("migrate_alembic", "--drift").code == 0
    finally:
        home.execute("DROP OWNED BY ncfd_tests_pipeline; DROP ROLE ncfd_tests_pipeline")


def test_drill_on_a_newer_server_needs_its_programs() -> None:
    assert drill._find_server(18) == find_programs(18, "postgres", "initdb", "pg_ctl")
    with pytest.raises(BackupError, match="no postgres and initdb and pg_ctl of that version"):
        drill._find_server(99)
