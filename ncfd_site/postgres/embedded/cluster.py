"""A PostgreSQL data folder and its server: create, start, stop. Callers hold the lock `mutex`."""

import os
import shutil
import socket
import tempfile
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import psutil

from ncfd_site.config.errors import DatabaseUnavailable
from ncfd_site.postgres.embedded import programs

PORT = 5432
SUPERUSER = "postgres"
# Seconds. A start after a crash replays the write-ahead log first.
START_TIMEOUT = 120
STOP_TIMEOUT = 60
# The path of a Unix socket has at most 107 bytes on Linux and 103 on macOS.
_MAX_SOCKET_PATH = 103
_SOCKET = f".s.PGSQL.{PORT}"


class Cluster:
    """The server of the data folder `home`/postgres, its log, and its locks.

    `mutex` is held while the server is started or stopped, `users` is shared by every process that uses the server,
    and `reaper` is held by the reaper while it lives.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "postgres"
        self.log = home / "postgres.log"
        self.mutex = home / "server.lock"
        self.users = home / "server.users"
        self.reaper = home / "server.reaper"

    def is_running(self) -> bool:
        """Return whether the server listens on its socket. A killed server leaves the file without a listener."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.find_socket_folder() / _SOCKET))
            except OSError:
                return False
            return True

    def find_socket_folder(self) -> Path:
        """Return the folder of the socket: the data folder, or a short link to it if its path is too long."""
        if len(os.fsencode(self.data / _SOCKET)) <= _MAX_SOCKET_PATH:
            return self.data
        name = sha256(os.fsencode(self.data)).hexdigest()[:16]
        link = Path(tempfile.gettempdir()) / f"ncfd-{os.getuid()}-{name}"
        with suppress(FileExistsError):
            link.symlink_to(self.data)
        if link.lstat().st_uid != os.getuid() or link.readlink() != self.data:
            raise DatabaseUnavailable(f"{link} is not a link to {self.data}. Delete it.")
        return link

    def create(self) -> None:
        """Create the data folder if it is missing; an interrupted attempt leaves nothing."""
        if self.data.exists():
            self._require_data_version()
            return
        unfinished = self.home / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        programs.give_to_server(unfinished)
        programs.run(
            "initdb",
            # The same collation and messages on every machine.
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8"),
            # Only the owner of the data folder reaches the socket inside it.
            *("--auth=trust", f"--username={SUPERUSER}", "-D", "."),
            cwd=unfinished,
        )
        unfinished.rename(self.data)

    def start(self) -> None:
        """Start the server and wait until it answers, after crash recovery."""
        if self._wait_for_running_processes():
            return
        self._remove_stale_pid_files()
        self.log.touch(mode=0o600)
        programs.give_to_server(self.log)
        options = f"-c listen_addresses='' -c unix_socket_directories=. -c port={PORT} -c timezone=UTC"
        # Relative paths: pg_ctl runs a shell, and a path may contain any character.
        arguments = ["-w", "-t", str(START_TIMEOUT), "-D", ".", "-l", f"../{self.log.name}", "-o", options]
        written = self.log.stat().st_size
        try:
            programs.run("pg_ctl", "start", *arguments, cwd=self.data)
        except DatabaseUnavailable:
            with self.log.open(errors="replace") as log:
                log.seek(written)
                reasons = [line.partition("FATAL:")[2].strip() for line in log if "FATAL:" in line]
            reason = reasons[-1] if reasons else "no reason given"
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL in {self.data} cannot start: {reason}. See {self.log}."
            ) from None

    def stop(self) -> None:
        """Stop the server and end its sessions."""
        if (self.data / "postmaster.pid").exists():
            programs.run("pg_ctl", "stop", "-w", "-t", str(STOP_TIMEOUT), "-m", "fast", "-D", ".", cwd=self.data)

    def _require_data_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != str(programs.VERSION):
            raise DatabaseUnavailable(
                f"{self.data} has data of PostgreSQL {found}, but this version of the site runs PostgreSQL "
                f"{programs.VERSION}. Move that folder away to start with an empty database."
            )

    def _wait_for_running_processes(self) -> bool:
        # A server on this folder may be starting or stopping, or it was killed and its children still run.
        # Wait until it answers (True) or its processes exit.
        deadline = time.monotonic() + START_TIMEOUT
        while running := self._find_processes():
            if self.is_running():
                return True
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"The embedded PostgreSQL in {self.data} does not answer. End process {running[0].pid} and try "
                    "again."
                )
            time.sleep(0.05)
        return False

    def _find_processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            # A process may end meanwhile or belong to another user.
            with suppress(psutil.Error):
                if process.name() == "postgres" and Path(process.cwd()) == self.data.resolve():
                    found.append(process)
        return found

    def _remove_stale_pid_files(self) -> None:
        # A killed server leaves its process ID. PostgreSQL ignores it if no such process exists, but refuses to start
        # if another program has that ID by now, or the dead process was not waited for.
        for name in ("postmaster.pid", f"{_SOCKET}.lock"):
            file = self.data / name
            if not file.exists():
                continue
            first = file.read_text().partition("\n")[0].strip()
            if not first.isdecimal() or psutil.pid_exists(int(first)):
                file.unlink()
