"""A run reports for whom it waits, and autovacuum gives way to it."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema import retrying
from ncfd_site.schema.deploy import deploy, session, waiting
from ncfd_site.schema.deploy.deploy import DeployOptions
from ncfd_site.schema.deploy.report import MigrationError, Progress, RunResult
from tests import databases
from tests.databases import Keywords
from tests.migration import states
from tests.migration.running import call, run
from tests.migration.test_contract import CONTRACT_HEAD
from tests.migration.test_unfinished import old_snapshot
from tests.postgres import Server, started_server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on locked tables after a second."""
    impatient = retrying.LockRetry
    monkeypatch.setattr(retrying, "LockRetry", lambda *_: impatient(1.0))


def test_a_build_that_waits_names_the_session_and_how_to_end_it(
    empty_database: Keywords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_REPORT_SECONDS", 0.3)
    states.at_head(empty_database)
    lines: list[str] = []
    is_reported = threading.Event()

    def write(line: str) -> None:
        lines.append(line)
        if "Waiting for" in line:
            is_reported.set()

    progress = Progress(write, 1, RunResult(database="test"))
    with ThreadPoolExecutor(1) as pool:
        with old_snapshot(empty_database) as holder:
            pid = holder.info.backend_pid
            migration = pool.submit(deploy.deploy, empty_database, "head", progress, DeployOptions())
            assert is_reported.wait(60)
        migration.result(timeout=60)
    (waits,) = [line for line in lines if "Waiting for" in line]
    assert waits.startswith(f"  Waiting for process {pid} (role {empty_database['user']}, idle in transaction, since 2")
    assert waits.endswith(f"UTC): SELECT count(*) FROM exchanges. To end it: SELECT pg_terminate_backend({pid});")
    assert progress.result.verified


@pytest.mark.usefixtures("impatient")
def test_a_locked_table_ends_the_run_with_the_session_that_locks_it(empty_database: Keywords) -> None:
    databases.become(empty_database, CONTRACT_HEAD)
    with psycopg.connect(**empty_database) as holder:
        pid = holder.info.backend_pid
        holder.execute("LOCK TABLE studies IN ROW EXCLUSIVE MODE")
        code, out, error = call(empty_database)
    assert code == ExitCode.LOCKED
    assert f"a table is locked by process {pid} (role" in out
    assert "LOCK TABLE studies IN ROW EXCLUSIVE MODE" in error
    assert f"To end it: SELECT pg_terminate_backend({pid});" in error
    assert run(empty_database).verified


def test_the_holder_of_the_run_lock_is_named(empty_database: Keywords) -> None:
    with psycopg.connect(**empty_database) as holder:
        pid = holder.info.backend_pid
        holder.execute("SELECT pg_advisory_lock(%s)", [session.LOCK_KEY])
        with pytest.raises(MigrationError) as refusal:
            run(empty_database, lock_wait=0.3)
    assert refusal.value.exit_code is ExitCode.LOCKED
    assert f"process {pid} (role" in str(refusal.value)


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server with autovacuum and prepared transactions."""
    with started_server(settings="max_prepared_transactions=5 autovacuum_naptime=1s") as server:
        yield server


@pytest.fixture
def contract_head(own_server: Server) -> Iterator[Keywords]:
    """A database on that server."""
    keywords = conninfo_to_dict(own_server.url("ncfd_waiting"))
    databases.execute(keywords, "CREATE DATABASE {}", "ncfd_waiting")
    databases.migrate(keywords, CONTRACT_HEAD)
    yield keywords
    databases.execute(keywords, "DROP DATABASE {} WITH (FORCE)", "ncfd_waiting")


@pytest.mark.usefixtures("impatient")
def test_a_forgotten_prepared_transaction_is_named_with_its_rollback(contract_head: Keywords) -> None:
    states.execute(contract_head, "DELETE FROM studies; PREPARE TRANSACTION 'it''s forgotten'")
    rollback = "ROLLBACK PREPARED 'it''s forgotten';"
    code, _, error = call(contract_head)
    assert code == ExitCode.LOCKED
    assert "prepared transaction 'it's forgotten' (since 2" in error
    assert f"To end it: {rollback}" in error
    with psycopg.connect(**contract_head, autocommit=True) as connection:
        connection.execute(rollback)
    assert run(contract_head).verified


def test_autovacuum_gives_way_to_a_run(contract_head: Keywords, own_server: Server) -> None:
    with psycopg.connect(**contract_head, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO trials (trial_id, nct_id, is_pivotal, last_seen_at) VALUES (1, 'NCT1', false, now());"
            " INSERT INTO studies (study_id, trial_id, doc_type, year, extracted_jsonb)"
            " SELECT n, 1, 'PR', 2025, '{}' FROM generate_series(1, 20000) n"
        )
        connection.execute(
            "ALTER TABLE studies SET (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1,"
            " autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1)"
        )
        connection.execute("DELETE FROM studies WHERE study_id % 2 = 0")
        vacuums = "SELECT FROM pg_stat_progress_vacuum WHERE relid = 'studies'::regclass"
        deadline = time.monotonic() + 60
        while not connection.execute(vacuums).rowcount:
            assert time.monotonic() < deadline, "autovacuum does not start"
            time.sleep(0.05)
        began = time.monotonic()
        assert run(contract_head).verified
        assert time.monotonic() - began < 60
    assert "canceling autovacuum task" in own_server.data.with_suffix(".log").read_text()
