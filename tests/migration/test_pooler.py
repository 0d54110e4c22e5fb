"""A pooler in transaction mode is detected and refused; session mode works."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.deploy.report import MigrationError
from tests.databases import Keywords
from tests.migration.running import call, query, run
from tests.postgres import cannot_run


@contextmanager
def pgbouncer(server: Keywords, mode: str, option: str = "", folder: Path | None = None) -> Iterator[dict[str, Any]]:
    """Keywords of the same database through a pooler; `option` is a line of its configuration, in the folder."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if not program:
        cannot_run("no pgbouncer found: install the distribution's package `pgbouncer`")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    password = str(server.get("password", "")).replace("'", "''")
    login = f"user={server['user']}" + (f" password='{password}'" if password else "")
    folder = folder or Path(tempfile.mkdtemp(prefix="pgb-", dir="/tmp"))
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={server['host']} port={server['port']} {login}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\npool_mode = {mode}\n"
        f"unix_socket_dir =\nlogfile = {folder}/log\npidfile = {folder}/pid\n"
        f"ignore_startup_parameters = extra_float_digits,options\n{option}\n"
    )
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        # It refuses to run as root.
        # Only the owner of the embedded server's folder may use the socket in it.
        is_socket = str(server["host"]).startswith("/")
        user = pwd.getpwuid(Path(server["host"]).stat().st_uid) if is_socket else pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    process = subprocess.Popen(
        [program, str(folder / "pgbouncer.ini")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **identity
    )
    keywords = {
        "host": "127.0.0.1",
        "port": port,
        "user": server["user"],
        "dbname": server["dbname"],
        "sslmode": "disable",
    }
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(**keywords).close()
                break
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.1)
        yield keywords
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


@pytest.fixture
def database(ordinary: Keywords, request: pytest.FixtureRequest) -> Iterator[Keywords]:
    """An empty database on a server that listens on loopback, as a pooler needs it."""
    from tests import databases

    name = f"ncfd_pooled_{os.getpid()}"
    databases.clone(ordinary, "template1", name)
    yield {**ordinary, "dbname": name}
    databases.execute(ordinary, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def test_transaction_mode_is_refused_at_once(database: Keywords) -> None:
    with pgbouncer(database, "transaction") as pooled:
        began = time.monotonic()
        with pytest.raises(MigrationError, match="transaction mode") as refusal:
            run(pooled)
        assert time.monotonic() - began < 60
        code, _, error = call(pooled)
    assert refusal.value.exit_code is ExitCode.UNUSABLE_CONNECTION
    assert (code, "Traceback" in error) == (9, False)
    assert query(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


def test_session_mode_works(database: Keywords) -> None:
    with pgbouncer(database, "session") as pooled:
        assert run(pooled).verified
