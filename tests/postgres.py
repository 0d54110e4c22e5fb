"""An ordinary PostgreSQL for tests: the one of TEST_DATABASE_URL, else a throw-away one from the machine's binaries."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import pytest


@dataclass(frozen=True)
class Server:
    """A running server that lets `user` in with `password` only, over TCP on loopback and over the socket."""

    port: int
    user: str
    password: str
    folder: Path
    programs: Path
    data: Path
    options: str

    def url(self, database: str = "postgres", **changes: str) -> str:
        """Its address over TCP, in the form of DATABASE_URL; `user` and `password` may be given otherwise."""
        user, password = changes.get("user", self.user), changes.get("password", self.password)
        return f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def run(self, program: str, *arguments: str) -> None:
        """Run one of its programs; fail with its output."""
        with (self.folder / f"{program}.out").open("w+") as output:
            result = subprocess.run(
                [self.programs / program, *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
                check=False,
                **_identity(),
            )
            output.seek(0)
            assert result.returncode == 0, f"{program} failed: {output.read()}"

    @contextmanager
    def standby(self, settings: str = "", name: str = "standby") -> Iterator["Server"]:
        """Start a read-only copy that follows this server; with its name, the server can wait for it."""
        port = _free_port()
        self.run("pg_basebackup", "-R", "-D", str(self.folder / name), "-c", "fast", "-d", self.url())
        with (self.folder / name / "postgresql.auto.conf").open("a") as file:
            file.write(f"cluster_name = {name}\n")
        options = _format_options(f"port={port} unix_socket_directories={self.folder} fsync=off {settings}")
        standby = replace(self, port=port, data=self.folder / name, options=options)
        standby.start()
        try:
            yield standby
        finally:
            standby.stop()
            shutil.rmtree(standby.data)

    def start(self) -> None:
        """Start it on its data."""
        log = self.data.with_suffix(".log")
        self.run("pg_ctl", "start", "-w", "-D", str(self.data), "-l", str(log), "-o", self.options)

    def promote(self) -> None:
        """Make a standby a primary."""
        self.run("pg_ctl", "promote", "-w", "-D", str(self.data))

    def stop(self) -> None:
        """End all of its processes at once, as a crash does; nothing happens if it does not run."""
        if (self.data / "postmaster.pid").exists():
            self.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self.data))

    def socket_url(self, database: str = "postgres") -> str:
        """Its address over the Unix socket."""
        credentials = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"postgresql://{credentials}@/{database}?host={quote(str(self.folder), safe='')}&port={self.port}"


@contextmanager
def ordinary_server() -> Iterator[str]:
    """The URL of a server that is not the embedded one, for a role that may create databases."""
    if url := os.environ.get("TEST_DATABASE_URL", "").strip():
        yield url
        return
    with started_server() as server:
        yield server.url()


@contextmanager
def started_server(programs: Path | None = None, settings: str = "autovacuum=off") -> Iterator[Server]:
    """Start a server on new, empty data with password authentication; it is gone afterwards, data and all.

    `programs` is the folder of its programs, by default those of the machine.
    """
    programs = programs or _programs()
    # Short: the path of a socket has room for about a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    identity = _identity()
    if identity:
        os.chown(folder, identity["user"], identity["group"])
    port, data, password_file = _free_port(), folder / "data", folder / "password"
    # By default without autovacuum, which would change query plans and visibility at any moment.
    options = f"listen_addresses=127.0.0.1 port={port} unix_socket_directories={folder} fsync=off {settings}"
    password = secrets.token_urlsafe(12) + "@:/?#%&='\" \\ä"
    server = Server(port, "tester", password, folder, programs, data, _format_options(options))
    password_file.write_text(server.password)

    run = server.run
    try:
        run(
            "initdb",
            *("-D", str(data), "-U", server.user, f"--pwfile={password_file}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"),
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _format_options(settings: str) -> str:
    return " ".join(f"-c {setting}" for setting in settings.split())


def cannot_run(reason: str) -> NoReturn:
    """Skip the test with the reason; fail if the variable CI is set."""
    if os.environ.get("CI"):
        pytest.fail(f"cannot run in CI: {reason}")
    pytest.skip(reason)


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if on_path := shutil.which("pg_ctl"):
        found.insert(0, Path(on_path).resolve().parent)
    for folder in reversed(found):
        if all((folder / program).exists() for program in ("initdb", "pg_ctl", "postgres")):
            return folder
    cannot_run(
        "no PostgreSQL found in /usr/lib/postgresql or on PATH: install the distribution's package `postgresql`, or "
        "set TEST_DATABASE_URL"
    )


def _identity() -> dict[str, Any]:
    # PostgreSQL refuses to run for root.
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
