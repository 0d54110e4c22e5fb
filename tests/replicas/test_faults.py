"""A replica that lags, dies, hangs, or cancels a query costs at most a second, and never turns a page into an error."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client
from psycopg.conninfo import conninfo_to_dict

from linkaudit import queries
from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.core import sql
from ncfd_site.postgres import replicas
from tests.migration.states import execute
from tests.replicas.conftest import NAME, Site, await_replica, sign_in, use_databases
from tests.replicas.machines import wait_until

log = logging.getLogger(__name__)
LAGS = "replica1 is not used: it is more than 1 s behind the primary"
SLOWEST = 1.5  # a second, and a page on a busy machine


def read(client: Client, address: str = "/links/") -> tuple[str, float]:
    """Return where a page was read, and how many seconds it took."""
    started = time.monotonic()
    response = client.get(address)
    assert response.status_code == 200
    seconds = time.monotonic() - started
    log.info("%s in %.3f s", response["X-Database"], seconds)
    return response["X-Database"], seconds


def test_a_dead_replica_is_replaced_at_once_and_used_again(replicated: Site, caplog: pytest.LogCaptureFixture) -> None:
    client = sign_in(replicated, "analyst")
    assert read(client)[0] == "replica1"
    replicated.standby.stop()
    try:
        found = [read(client) for _ in range(5)]
    finally:
        replicated.standby.start()
    assert {database for database, _ in found} == {"primary"}
    assert max(seconds for _, seconds in found) < SLOWEST
    assert [record.message for record in caplog.records if "replica1 is not used" in record.message] != []
    await_replica()
    assert caplog.records[-1].message == "replica1 is used"
    # At the first read, the connection of this thread may be found to be lost.
    assert [read(client)[0] for _ in range(2)][-1] == "replica1"


def test_a_replica_that_hangs_is_replaced_within_a_second(replicated: Site) -> None:
    client = sign_in(replicated, "analyst")
    assert read(client)[0] == "replica1"
    # No request is in progress on it; the next check finds it hanging.
    time.sleep(replicas.CHECK_INTERVAL)
    with stopped(replicated):
        found = [read(client) for _ in range(3)]
        time.sleep(replicas.RETRY_INTERVAL)
        found += [read(client) for _ in range(3)]
    assert {database for database, _ in found} == {"primary"}
    assert max(seconds for _, seconds in found) < replicas.CHECK_TIMEOUT + SLOWEST
    # Only the first one waits.
    assert sum(seconds > replicas.CHECK_TIMEOUT for _, seconds in found) == 1
    await_replica()
    assert read(client)[0] == "replica1"


def test_a_read_that_is_in_progress_on_a_hanging_replica_is_repeated(
    replicated: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang = stopped(replicated)

    def hang_meanwhile() -> None:
        threading.Timer(0.2, hang.__enter__).start()
        sql.execute("SELECT pg_sleep(5)")

    client = sign_in(replicated, "analyst")
    try:
        with failing_on_replica(monkeypatch, hang_meanwhile):
            database, seconds = read(client)
    finally:
        hang.__exit__(None, None, None)
    assert (database, seconds < 0.2 + replicas.CHECK_INTERVAL + replicas.CHECK_TIMEOUT + SLOWEST) == ("primary", True)


def test_a_long_read_is_not_disturbed(replicated: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = replicas.CHECK_TIMEOUT + 1
    with failing_on_replica(monkeypatch, lambda: sql.execute("SELECT pg_sleep(%s)", [seconds])):
        database, taken = read(sign_in(replicated, "analyst"))
    assert (database, taken > seconds) == ("replica1", True)


@contextmanager
def stopped(site: Site) -> Iterator[None]:
    """Stop the processes of the standby, as a frozen machine does."""
    postmaster = int((site.standby.data / "postmaster.pid").read_text().split()[0])
    processes = [postmaster, *(child.pid for child in psutil.Process(postmaster).children())]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def test_a_replica_that_never_answers_costs_no_time(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://ncfd@127.0.0.1:{silent.getsockname()[1]}/{NAME}"
        with use_databases(site.primary.url(NAME), url):
            client = sign_in(site, "analyst")
            read(client)
            found = [read(client) for _ in range(5)]
    assert {database for database, _ in found} == {"primary"}
    assert max(seconds for _, seconds in found) < SLOWEST


def test_a_server_that_is_no_standby_is_not_read(site: Site) -> None:
    with use_databases(site.primary.url(NAME), site.primary.url(NAME)):
        client = sign_in(site, "analyst")
        wait_until(lambda: replicas.list_replicas()[0]._problem == "it is not a standby" or bool(read(client)))
        assert [read(client)[0] for _ in range(3)] == ["primary"] * 3


def test_one_of_two_replicas_takes_over(site: Site) -> None:
    dead = site.standby.url(NAME).replace(f":{site.standby.port}/", ":1/")
    with use_databases(site.primary.url(NAME), dead, site.standby.url(NAME)):
        client = sign_in(site, "analyst")
        await_replica()
        assert {read(client)[0] for _ in range(10)} == {"replica2"}


def test_a_lagging_replica_is_not_read(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with use_databases(site.primary.url(NAME), site.standby.url(NAME), REPLICA_MAX_LAG_SECONDS=1):
        client = sign_in(site, "analyst")
        await_replica()
        site.on_standby("SELECT pg_wal_replay_pause()")
        try:
            site.on_primary("SELECT pg_logical_emit_message(true, 'test', 'a record')")
            started = time.monotonic()
            # Until then it is not too far behind.
            assert read(client)[0] == "replica1"
            wait_until(lambda: read(client)[0] == "primary")
            assert 0.5 < time.monotonic() - started < 3
            wait_until(lambda: bool(read(client)) and LAGS in caplog.messages)
        finally:
            site.on_standby("SELECT pg_wal_replay_resume()")
        await_replica()
        assert read(client)[0] == "replica1"


def test_a_conflict_with_recovery_is_repeated_on_the_primary(
    replicated: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wait_for_conflict() -> None:
        lock = ("LOCK TABLE assets IN ACCESS EXCLUSIVE MODE",)
        threading.Thread(target=execute, args=(conninfo_to_dict(replicated.primary.url(NAME)), *lock)).start()
        sql.value("SELECT pg_sleep(30) FROM (SELECT count(*) FROM assets) AS locked")

    with failing_on_replica(monkeypatch, wait_for_conflict):
        database, seconds = read(sign_in(replicated, "analyst"))
    assert (database, seconds < 10) == ("primary", True)
    assert "canceling statement due to conflict with recovery" in caplog.text
    # A conflict is no reason to give the replica up.
    assert read(sign_in(replicated, "analyst"))[0] == "replica1"


@pytest.mark.parametrize(
    "statement",
    ["SELECT pg_terminate_backend(pg_backend_pid())", "CREATE TEMP TABLE t ()", "SELECT column_of_a_later_revision"],
)
def test_a_failure_that_is_only_the_replicas_is_repeated_on_the_primary(
    replicated: Site, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    with failing_on_replica(monkeypatch, lambda: sql.execute(statement)):
        assert read(sign_in(replicated, "analyst"))[0] == "primary"


def test_a_failure_that_a_view_handles_is_repeated_on_the_primary(
    replicated: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_and_continue() -> None:
        with pytest.raises(Exception, match="terminating connection"):
            sql.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with failing_on_replica(monkeypatch, fail_and_continue):
        assert read(sign_in(replicated, "analyst"))[0] == "primary"


@contextmanager
def failing_on_replica(monkeypatch: pytest.MonkeyPatch, fail: Callable[[], object]) -> Iterator[None]:
    """Let /links/ do something before it reads, if it reads a standby."""
    original = queries.list_heuristics

    def list_heuristics(*arguments: object) -> object:
        if sql.value("SELECT pg_is_in_recovery()"):
            fail()
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(queries, "list_heuristics", list_heuristics)
        yield


def test_a_timeout_is_an_error_of_the_page(replicated: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def take_too_long() -> None:
        sql.execute("SET statement_timeout = 10")
        try:
            sql.execute("SELECT pg_sleep(10)")
        finally:
            sql.execute("SET statement_timeout = 0")

    client = sign_in(replicated, "analyst")
    with failing_on_replica(monkeypatch, take_too_long):
        response = client.get("/links/")
    assert (response.status_code, response["X-Database"]) == (500, "replica1")


def test_commands_read_a_replica_that_has_all_that_is_committed(replicated: Site) -> None:
    replicated.on_primary("SELECT pg_logical_emit_message(true, 'test', 'a record')")
    with replicas.use_replica() as alias:
        assert (alias, sql.value("SELECT pg_is_in_recovery()")) == ("replica1", True)
        with replicas.use_primary():
            assert sql.value("SELECT pg_is_in_recovery()") is False
        assert sql.value("SELECT pg_is_in_recovery()") is True
    assert sql.value("SELECT pg_is_in_recovery()") is False


@pytest.mark.parametrize(
    ("command", "work", "arguments"),
    [
        ("signals.management.commands.verify_scores", "find_mismatches", []),
        ("storage.management.commands.storage_verify", "verify", []),
        ("storage.management.commands.export_snapshot", "export_snapshot", ["--to", "nowhere"]),
    ],
)
def test_commands_that_only_read(
    replicated: Site, monkeypatch: pytest.MonkeyPatch, command: str, work: str, arguments: list[str]
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise UserError(f"standby: {sql.value('SELECT pg_is_in_recovery()')}")

    monkeypatch.setattr(f"{command}.{work}", stop)
    with pytest.raises(CommandError, match=r"^standby: True$"):
        call_command(command.rpartition(".")[2], *arguments)


def test_a_command_that_a_standby_cancels_names_the_setting(replicated: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def conflict(*_: object, **__: object) -> None:
        raise OperationalError("canceling statement due to conflict with recovery\nDETAIL:  …")

    monkeypatch.setattr("signals.management.commands.verify_scores.find_mismatches", conflict)
    with pytest.raises(CommandError, match=r"\(canceling .* recovery; hot_standby_feedback = on on the standby") as end:
        call_command("verify_scores")
    assert end.value.returncode == ExitCode.FAILED


def test_commands_read_the_primary_without_such_a_replica(replicated: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replicas, "COMMAND_TIMEOUT", 0.5)
    replicated.on_standby("SELECT pg_wal_replay_pause()")
    try:
        replicated.on_primary("SELECT pg_logical_emit_message(true, 'test', 'a record')")
        with replicas.use_replica() as alias:
            assert (alias, sql.value("SELECT pg_is_in_recovery()")) == ("default", False)
    finally:
        replicated.on_standby("SELECT pg_wal_replay_resume()")
