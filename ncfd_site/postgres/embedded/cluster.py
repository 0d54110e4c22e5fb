"""A PostgreSQL data folder and the server on it: make, start, stop. Callers hold the lock of the home folder."""

import os
import shutil
import socket
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import psutil

from ncfd_site.config.errors import DatabaseUnavailable
from ncfd_site.postgres.embedded import programs

PORT = 5432
SUPERUSER = "postgres"
# Seconds; a start after a crash replays the log first.
START_TIMEOUT = 120
STOP_TIMEOUT = 60
# The address of a Unix socket has room for 107 bytes on Linux and 103 on macOS.
_LONGEST_SOCKET = 103
_SOCKET = f".s.PGSQL.{PORT}"


@dataclass(frozen=True)
class Cluster:
    """The server whose data lie in `home`/postgres."""

    home: Path

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.home / "postgres"

    @property
    def log(self) -> Path:
        """What the server tells about itself."""
        return self.home / "postgres.log"

    def answers(self) -> bool:
        """Whether somebody listens on the socket; a server that was killed leaves the file but nobody listens."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket_folder() / _SOCKET))
            except OSError:
                return False
            return True

    def socket_folder(self) -> Path:
        """The folder of the socket: the data folder, or a short link to it where its own path is too long."""
        if len(os.fsencode(self.data / _SOCKET)) <= _LONGEST_SOCKET:
            return self.data
        name = sha256(os.fsencode(self.data)).hexdigest()[:16]
        link = Path(tempfile.gettempdir()) / f"ncfd-{os.getuid()}-{name}"
        with suppress(FileExistsError):
            link.symlink_to(self.data)
        if link.lstat().st_uid != os.getuid() or link.readlink() != self.data:
            raise DatabaseUnavailable(f"{link} is not the link to {self.data} that it should be: remove it.")
        return link

    def create(self) -> None:
        """Make the data folder where it is missing. An attempt that was cut short leaves nothing that counts."""
        if self.data.exists():
            self._require_version()
            return
        unfinished = self.home / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        programs.hand_over(unfinished)
        programs.run(
            "initdb",
            # The same collation and messages on every machine, whatever its locale is.
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8"),
            # Only the owner of the data folder reaches the socket inside it.
            *("--auth=trust", f"--username={SUPERUSER}", "-D", "."),
            cwd=unfinished,
        )
        unfinished.rename(self.data)

    def start(self) -> None:
        """Start the server and wait until it answers, with the recovery from a crash done."""
        if self._outlasts_what_runs():
            return
        self._clear_stale_locks()
        self.log.touch(mode=0o600)
        programs.hand_over(self.log)
        options = f"-c listen_addresses='' -c unix_socket_directories=. -c port={PORT} -c timezone=UTC"
        # Relative paths throughout: pg_ctl goes through a shell, and a path may hold anything.
        arguments = ["-w", "-t", str(START_TIMEOUT), "-D", ".", "-l", f"../{self.log.name}", "-o", options]
        written = self.log.stat().st_size
        try:
            programs.run("pg_ctl", "start", *arguments, cwd=self.data)
        except DatabaseUnavailable:
            with self.log.open(errors="replace") as log:
                log.seek(written)
                reasons = [line.partition("FATAL:")[2].strip() for line in log if "FATAL:" in line]
            reason = reasons[-1] if reasons else "it gives no reason"
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL in {self.data} does not start: {reason} (more in {self.log})."
            ) from None

    def stop(self) -> None:
        """Stop the server: sessions are ended, data are written out."""
        if (self.data / "postmaster.pid").exists():
            programs.run("pg_ctl", "stop", "-w", "-t", str(STOP_TIMEOUT), "-m", "fast", "-D", ".", cwd=self.data)

    def _require_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != str(programs.VERSION):
            raise DatabaseUnavailable(
                f"{self.data} holds data of PostgreSQL {found}, but this version of the site carries "
                f"PostgreSQL {programs.VERSION}: move that folder away to start afresh."
            )

    def _outlasts_what_runs(self) -> bool:
        # Processes of a server on these data may still be there: it is on its way up or down, or it was killed and its
        # children have not noticed. Either it answers, or they end.
        deadline = time.monotonic() + START_TIMEOUT
        while running := self._processes():
            if self.answers():
                return True
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"The embedded PostgreSQL in {self.data} neither answers nor ends (process {running[0].pid}): "
                    "end that process and try again."
                )
            time.sleep(0.05)
        return False

    def _processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            # A process that ends meanwhile, or belongs to somebody else, is none of ours.
            with suppress(psutil.Error):
                if process.name() == "postgres" and Path(process.cwd()) == self.data.resolve():
                    found.append(process)
        return found

    def _clear_stale_locks(self) -> None:
        # A server that was killed leaves its process id. PostgreSQL sees when there is no such process, but refuses to
        # start when another program has got that number since, or nobody has yet taken note of the end.
        for name in ("postmaster.pid", f"{_SOCKET}.lock"):
            file = self.data / name
            if not file.exists():
                continue
            first = file.read_text().partition("\n")[0].strip()
            if not first.isdecimal() or psutil.pid_exists(int(first)):
                file.unlink()
