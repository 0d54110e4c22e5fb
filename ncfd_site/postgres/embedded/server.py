"""One embedded server for all processes of this installation.

A process that uses the server holds a shared lock until it ends. The kernel releases the lock however the process ends,
and a forked child holds it with its parent. The reaper waits for the last holder and stops the server.
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
from ncfd_site.postgres.embedded.cluster import PORT, START_TIMEOUT, SUPERUSER, Cluster

DATABASE = "ncfd"

_guard = threading.RLock()
# Descriptor of the users' lock, by home folder.
_used: dict[Path, int] = {}


def get_parameters(home: Path | None = None) -> dict[str, Any]:
    """Return the psycopg keywords of the server's database, after starting the server if needed."""
    return _build_connection_parameters(ensure_running(home), DATABASE)


def ensure_running(home: Path | None = None) -> Cluster:
    """Start the server of the home folder unless it runs, and keep it running until this process ends.

    Cheap for a running server, so every new connection calls it: a killed server is started for the next one.
    """
    cluster = Cluster(home or environment.read_home_folder())
    with _guard:
        if cluster.home in _used and cluster.is_running():
            return cluster
        try:
            cluster.home.mkdir(parents=True, exist_ok=True)
            with file_lock.hold(cluster.mutex):
                _ensure_running(cluster)
        except OSError as error:
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL cannot use {error.filename or cluster.home}: {error.strerror}. Correct it, "
                "or set NCFD_HOME to a folder of your own."
            ) from error
    return cluster


def _build_connection_parameters(cluster: Cluster, database: str) -> dict[str, Any]:
    return {"host": str(cluster.find_socket_folder()), "port": PORT, "user": SUPERUSER, "dbname": database}


def _ensure_running(cluster: Cluster) -> None:
    if cluster.home not in _used:
        _used[cluster.home] = file_lock.acquire_shared(cluster.users)
    cluster.create()
    if not cluster.is_running():
        cluster.start()
    _ensure_reaper(cluster)
    with _connect_when_ready(cluster) as connection:
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _connect_when_ready(cluster: Cluster) -> psycopg.Connection[Any]:
    parameters = _build_connection_parameters(cluster, "postgres")
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            return psycopg.connect(**parameters, autocommit=True)
        except psycopg.OperationalError as error:
            # Still in recovery, or shutting down and to be started again.
            if "the database system is" not in str(error) or time.monotonic() > deadline:
                raise connection_errors.explain(error, parameters) from error
        time.sleep(0.05)
        if not cluster.is_running():
            cluster.start()


def _ensure_reaper(cluster: Cluster) -> None:
    descriptor = file_lock.open_lock(cluster.reaper)
    try:
        if file_lock.acquire(descriptor, wait=False):
            # The reaper inherits the lock, so the lock is never free in between. The child that this waits for only
            # forks the reaper.
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


def _replace_guard_after_fork() -> None:
    # Another thread of the parent may hold the guard during the fork; it would never be released in the child.
    global _guard
    _guard = threading.RLock()


os.register_at_fork(after_in_child=_replace_guard_after_fork)
