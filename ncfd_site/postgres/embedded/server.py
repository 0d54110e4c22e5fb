"""One embedded server for all processes of this installation.

A process that uses the server holds a shared lock until it ends; the kernel drops the lock however the process ends,
and a forked child holds it along with its parent. The keeper waits for the last one and stops the server.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from ncfd_site.config import environment, file_lock
from ncfd_site.config.errors import DatabaseUnavailable
from ncfd_site.postgres import connection_errors
from ncfd_site.postgres.embedded import programs
from ncfd_site.postgres.embedded.cluster import (
    PORT,
    START_TIMEOUT,
    SUPERUSER,
    Cluster,
)

DATABASE = "ncfd"

_guard = threading.RLock()
# The lock file of each home folder whose server this process uses.
_used: dict[Path, int] = {}


def parameters(home: Path | None = None) -> dict[str, Any]:
    """Make sure that the server runs, and return the psycopg keywords of its database `ncfd`."""
    cluster = ensure(home)
    return _keywords(cluster, DATABASE)


def program(name: str) -> Path:
    """The path of a program (psql, pg_dump ...) of the embedded server's version."""
    return programs.folder() / name


def ensure(home: Path | None = None) -> Cluster:
    """Start the server of the home folder unless it runs, and keep it running until this process ends.

    Cheap when it runs, so every new connection may call it: a server that was killed is up again for the next one.
    """
    cluster = Cluster(home or environment.home())
    with _guard:
        if cluster.home in _used and cluster.answers():
            return cluster
        try:
            cluster.home.mkdir(parents=True, exist_ok=True)
            with file_lock.held(cluster.home / file_lock.MUTEX):
                _join(cluster)
        except OSError as error:
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL cannot use {error.filename or cluster.home} ({error.strerror}): mend that, "
                "or set NCFD_HOME to a folder of your own."
            ) from error
    return cluster


def _keywords(cluster: Cluster, database: str) -> dict[str, Any]:
    return {"host": str(cluster.socket_folder()), "port": PORT, "user": SUPERUSER, "dbname": database}


def _join(cluster: Cluster) -> None:
    if cluster.home not in _used:
        _used[cluster.home] = file_lock.shared(cluster.home / file_lock.USERS)
    cluster.create()
    if not cluster.answers():
        cluster.start()
    _ensure_keeper(cluster)
    _ensure_database(cluster)


def _ensure_database(cluster: Cluster) -> None:
    with _connected(cluster) as connection:
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _connected(cluster: Cluster) -> psycopg.Connection[Any]:
    keywords = _keywords(cluster, "postgres")
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            return psycopg.connect(**keywords, autocommit=True)
        except psycopg.OperationalError as error:
            # Still replaying its log, or on its way down and to be started again.
            if "the database system is" not in str(error) or time.monotonic() > deadline:
                raise connection_errors.refusal(error, keywords) from error
        time.sleep(0.05)
        if not cluster.answers():
            cluster.start()


def _ensure_keeper(cluster: Cluster) -> None:
    descriptor = file_lock.opened(cluster.home / file_lock.KEEPER)
    try:
        if file_lock.taken(descriptor, wait=False):
            # The keeper inherits the lock, so there is no moment without an owner; the child that we wait for here
            # only hands over to it.
            subprocess.run(
                [sys.executable, "-m", "ncfd_site.postgres.embedded.reaper", str(cluster.home), str(descriptor)],
                cwd=environment.BASE_DIR,
                pass_fds=[descriptor],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=True,
            )
    finally:
        os.close(descriptor)


def _renew_guard() -> None:
    # Another thread of the parent may hold the guard at the moment of the fork; nobody would release it here.
    global _guard
    _guard = threading.RLock()


os.register_at_fork(after_in_child=_renew_guard)
