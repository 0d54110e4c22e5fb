"""Processes that use an embedded server until they are stopped, and helpers to inspect the server."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg

from ncfd_site.config import file_lock
from ncfd_site.postgres.embedded.cluster import Cluster
from tests.config.commands import ROOT, environment

USE = """
import sys
from ncfd_site.postgres import connection_parameters
import psycopg
with psycopg.connect(**connection_parameters()) as connection:
    print(connection.execute("SELECT current_database()").fetchone()[0], flush=True)
sys.stdin.read()
"""


class User:
    """A process that uses the server of a home folder."""

    def __init__(self, home: Path, program: str = USE) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=environment(home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> str:
        """Wait until the process has used the database; return the line that it prints."""
        assert self.process.stdout
        line = self.process.stdout.readline().strip()
        assert line, self.process.communicate()[1]
        return line

    def leave(self) -> None:
        """Let the process end."""
        _, errors = self.process.communicate("")
        assert (self.process.returncode, errors) == (0, "")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Kill the process."""
        self.process.send_signal(number)
        self.process.communicate()


@contextmanager
def using(home: Path) -> Iterator[User]:
    """Run a process that uses the server during the block."""
    user = User(home)
    user.ready()
    try:
        yield user
    finally:
        if user.process.returncode is None:
            user.leave()


def postmaster(home: Path) -> psutil.Process:
    """Return the server's main process."""
    return psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().split("\n")[0]))


def address(home: Path) -> dict[str, str]:
    """Return connection keywords that do not count as a user."""
    return {"host": str(Cluster(home).find_socket_folder()), "user": "postgres", "dbname": "ncfd"}


def select(home: Path, query: str) -> object:
    """Run a statement; return its first value."""
    with psycopg.connect(**address(home), autocommit=True) as connection:  # type: ignore[arg-type]
        cursor = connection.execute(query.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Return whether the condition becomes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def stopped(home: Path) -> bool:
    """Return whether the server stopped cleanly, which removes its process ID file."""
    return not Cluster(home).is_running() and not (home / "postgres" / "postmaster.pid").exists()


def cleanly_stopped(home: Path) -> bool:
    """Return whether the server stops in time after a shutdown checkpoint."""
    if not eventually(lambda: stopped(home)):
        return False
    # Wait for the reaper too.
    with file_lock.hold(Cluster(home).mutex):
        pass
    return (home / "postgres.log").read_text().rstrip().endswith("database system is shut down")


def alive(pid: int) -> bool:
    """Return whether the process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
