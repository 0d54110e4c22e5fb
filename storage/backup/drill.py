"""Restore drills: a backup restored into a scratch server with scratch content, verified, and deleted."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from ncfd_site.config import file_lock
from ncfd_site.config.errors import UserError
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.postgres.embedded import programs as embedded
from ncfd_site.schema.deploy import session
from storage.backup.errors import BackupError
from storage.backup.files import BackupFiles
from storage.backup.manifest import Manifest
from storage.backup.programs import find_programs
from storage.backup.restore import CheckResult, RestoreOptions, find_backup, restore, run_checks, verify_backup

_PREFIX = "ncfd-drill-"
_OPTIONS = "-c listen_addresses='' -c unix_socket_directories=.. -c fsync=off -c max_wal_size=4GB"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillResult:
    """The restored backup, the results of its verifications, and the duration in seconds."""

    manifest: Manifest
    checks: list[CheckResult]
    seconds: float


def run_drill(files: BackupFiles, reporter: ProgressReporter) -> DrillResult:
    """Restore the newest backup, verify it and delete it; raises `UserError` if it cannot be restored."""
    started = time.monotonic()
    manifest = find_backup(files)
    verify_backup(files, manifest, reporter)
    with _start_server(manifest.database.server_major) as home:
        into = {"host": str(home), "user": "postgres", "dbname": "drill"}
        _create_roles(into, manifest.database.roles)
        options = RestoreOptions(into=into, content=str(home / "content"))
        restore(files, manifest, options, reporter)
        checks = list(run_checks(manifest, options))
    return DrillResult(manifest=manifest, checks=checks, seconds=time.monotonic() - started)


@contextmanager
def _start_server(major: int) -> Iterator[Path]:
    """Start a server that only its owner reaches, and yield the folder of its socket, which is deleted afterwards."""
    _delete_leftovers()
    folder = _find_server(major)
    home = Path(tempfile.mkdtemp(prefix=_PREFIX))
    lock = file_lock.open_lock(home / "lock")
    try:
        file_lock.acquire(lock, wait=False)
        data = home / "data"
        data.mkdir(mode=0o700)
        for path in (home, data):
            embedded.give_to_server(path)
        arguments = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        embedded.run("initdb", *arguments, "-D", ".", cwd=data, folder=folder)
        embedded.run("pg_ctl", "start", "-w", "-D", ".", "-l", "log", "-o", _OPTIONS, cwd=data, folder=folder)
        try:
            yield home
        finally:
            _stop_server(home, folder)
    finally:
        shutil.rmtree(home, ignore_errors=True)
        # Last, so that another drill does not take the folder for a leftover.
        os.close(lock)


def _create_roles(into: Mapping[str, str], roles: Sequence[str]) -> None:
    """Create the roles that have grants: without these, the schema would have drifted."""
    with session.connect({**into, "dbname": "postgres"}) as server:
        for role in roles:
            if not server.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount:
                server.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))


def _find_server(major: int) -> Path:
    """Return the programs of that version, else those of the embedded server if they are newer."""
    try:
        return find_programs(major, "postgres", "initdb", "pg_ctl")
    except BackupError:
        if major > embedded.VERSION:
            raise
        return embedded.find_folder()


def _delete_leftovers() -> None:
    """Stop the servers of killed drills and delete their folders."""
    for home in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError, UserError):  # of another user, or deleted concurrently
            lock = file_lock.open_lock(home / "lock")
            try:
                if file_lock.acquire(lock, wait=False):
                    _stop_server(home, embedded.find_folder())
                    shutil.rmtree(home)
            finally:
                os.close(lock)


def _stop_server(home: Path, folder: Path) -> None:
    if (home / "data" / "postmaster.pid").exists():
        embedded.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", ".", cwd=home / "data", folder=folder)
