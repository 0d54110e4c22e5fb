"""Runs beside other sessions: concurrent, with locked tables, killed, failing, and read-only."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.deploy import revisions, session
from ncfd_site.schema.deploy.report import MigrationError
from tests import databases
from tests.databases import Keywords
from tests.migration.running import call, finish, query, run, start
from tests.migration.test_contract import CONTRACT_HEAD, ROOT_REVISION

REVISIONS = revisions.ids()
# These change with a write to the schema or a rewrite of a table.
EVERYTHING = (
    "SELECT relname, relfilenode, xmin::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
)


def test_eight_at_once_on_an_empty_database_run_each_revision_once(empty_database: Keywords) -> None:
    run_eight_at_once(empty_database)


@pytest.mark.soak
def test_eight_at_once_ten_times_on_a_loaded_machine(empty_database: Keywords) -> None:
    load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 2)]
    try:
        for _ in range(10):
            databases.clone(empty_database, "template1", empty_database["dbname"])
            run_eight_at_once(empty_database)
    finally:
        for process in load:
            process.kill()
            process.wait()


def run_eight_at_once(empty_database: Keywords) -> None:
    processes = [start(empty_database) for _ in range(4)] + [
        start(empty_database, "head", command=("-m", "alembic", "upgrade")) for _ in range(4)
    ]
    results = [finish(process) for process in processes]

    assert [code for code, _, _ in results] == [0] * 8, results
    assert not any("Error" in error or "Traceback" in error for _, _, error in results)
    logged = query(empty_database, "SELECT revision FROM alembic_migration_log WHERE action = 'up' ORDER BY log_id")
    assert [revision for (revision,) in logged] == REVISIONS


def test_a_state_during_another_run_is_judged_after_that_run(empty_database: Keywords) -> None:
    with psycopg.connect(**empty_database, autocommit=True) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SELECT pg_advisory_lock(%s)", [session.LOCK_KEY])
        other.execute("CREATE TABLE trials (half_made integer)")
        later = pool.submit(run, empty_database)
        # It polls the lock.
        polls = "SELECT FROM pg_stat_activity WHERE application_name = 'migrate_alembic' AND datname = %s"
        while not other.execute(polls, [empty_database["dbname"]]).rowcount:
            time.sleep(0.01)
        time.sleep(0.5)
        assert not later.done(), later.result()
        other.execute("DROP TABLE trials")
        other.execute("SELECT pg_advisory_unlock(%s)", [session.LOCK_KEY])
        assert later.result(timeout=60).verified


def run_beside_a_reader(keywords: Keywords, is_enough: Callable[[list[float]], bool]) -> None:
    """Run to head while one session holds a table, until the waits of another session that reads it are enough.

    The reader fails as soon as it waits for a second.
    """
    databases.become(keywords, ROOT_REVISION)
    released = threading.Event()
    waits: list[float] = []

    def read_repeatedly() -> None:
        with psycopg.connect(**keywords, autocommit=True) as connection:
            # The server measures the wait: a busy machine makes the answer late, not the lock.
            connection.execute("SET lock_timeout = '1s'")
            while not released.is_set():
                began = time.monotonic()
                connection.execute("SELECT count(*) FROM studies")
                waits.append(time.monotonic() - began)
                time.sleep(0.05)

    with ThreadPoolExecutor(2) as pool, psycopg.connect(**keywords) as holder:
        holder.execute("LOCK TABLE studies IN ACCESS SHARE MODE")
        reader = pool.submit(read_repeatedly)
        migration = pool.submit(run, keywords)
        try:
            deadline = time.monotonic() + 120
            while not is_enough(waits) and not reader.done() and time.monotonic() < deadline:
                time.sleep(0.05)
            assert not migration.done()
        finally:
            holder.rollback()
            result = migration.result(timeout=60)
            released.set()
        reader.result(timeout=10)

    assert result.verified
    assert is_enough(waits)


def test_others_wait_less_than_a_second_behind_a_run_that_waits(empty_database: Keywords) -> None:
    # A reader waits behind the run that waits, at least twice.
    run_beside_a_reader(empty_database, lambda waits: sum(wait > 0.2 for wait in waits) >= 2)


@pytest.mark.soak
def test_others_wait_less_than_a_second_for_twenty_seconds(empty_database: Keywords) -> None:
    end = time.monotonic() + 20
    run_beside_a_reader(empty_database, lambda waits: time.monotonic() > end and len(waits) > 50)


def test_a_killed_run_frees_its_lock_while_its_statement_waits(empty_database: Keywords) -> None:
    databases.become(empty_database, CONTRACT_HEAD)
    with psycopg.connect(**empty_database) as holder:
        holder.execute("LOCK TABLE studies IN ROW EXCLUSIVE MODE")
        killed = start(empty_database)
        locked = (
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()"
        )
        deadline = time.monotonic() + 60
        while query(empty_database, locked) == [(0,)] and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        killed.send_signal(signal.SIGKILL)
        finish(killed)
        # The statement would wait for as long as the table is locked.
        deadline = time.monotonic() + 60
        while query(empty_database, locked) != [(0,)]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        holder.rollback()
    assert query(empty_database, "SELECT version_num FROM alembic_version") == [(CONTRACT_HEAD,)]
    assert run(empty_database).verified


@pytest.mark.parametrize("arguments", [(), ("--adopt", "auto", "--noinput")], ids=["run", "adopt"])
def test_a_terminated_session_is_reported_and_the_next_run_resumes(
    empty_database: Keywords, arguments: tuple[str, ...]
) -> None:
    databases.become(empty_database, CONTRACT_HEAD)
    with psycopg.connect(**empty_database) as holder:
        holder.execute("LOCK TABLE studies IN ROW EXCLUSIVE MODE")
        process = start(empty_database, *arguments)
        terminate = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'migrate_alembic'"
        )
        waits = " AND wait_event_type = 'Lock' AND datname = current_database()"
        deadline = time.monotonic() + 60
        while query(empty_database, terminate + waits) == [(0,)] and time.monotonic() < deadline:
            time.sleep(0.02)
        code, _, error = finish(process)
        holder.rollback()
    assert code in (ExitCode.FAILED, ExitCode.UNUSABLE_CONNECTION)
    assert "terminating connection due to administrator command" in error or "connection" in error
    assert "Traceback" not in error
    assert run(empty_database).verified


def test_a_role_that_cannot_read_the_log_gets_a_message(empty_database: Keywords, worker: str) -> None:
    databases.become(empty_database, CONTRACT_HEAD)
    role = f"looker_{worker}"
    with psycopg.connect(**empty_database) as connection:
        connection.execute(f"DROP ROLE IF EXISTS {role}")
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'looker'")
        connection.execute(f"GRANT SELECT ON alembic_version TO {role}")
    try:
        code, _, error = call({**empty_database, "user": role, "password": "looker"}, "--plan")
        assert code == ExitCode.UNUSABLE_CONNECTION
        assert "permission denied for table alembic_migration_log" in error
        assert "Traceback" not in error
    finally:
        with psycopg.connect(**empty_database) as connection:
            connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_the_wait_for_the_lock_is_limited(empty_database: Keywords) -> None:
    with psycopg.connect(**empty_database) as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [session.LOCK_KEY])
        with pytest.raises(MigrationError, match="Another migration has held the lock") as refusal:
            run(empty_database, lock_wait=0.3)
    assert refusal.value.exit_code is ExitCode.LOCKED


def test_a_failed_revision_is_rolled_back_and_those_before_it_stay(empty_database: Keywords) -> None:
    databases.become(empty_database, ROOT_REVISION)
    with psycopg.connect(**empty_database) as connection:
        connection.execute("CREATE TYPE gates AS (something_else integer)")

    code, _, error = call(empty_database)

    assert code == ExitCode.FAILED
    assert "revision 20250124_signals_gates_scores failed and was rolled back" in error
    assert '"gates"' in error
    assert "CREATE INDEX IF NOT EXISTS ix_gates_fired_bool ON gates (fired_bool)" in error
    assert "Traceback" not in error
    assert query(empty_database, "SELECT version_num FROM alembic_version") == [("20250123_add_link_audit_fields",)]
    assert query(empty_database, "SELECT to_regclass('signals')") == [(None,)]
    log = "SELECT revision, outcome, detail LIKE '%%gates%%' FROM alembic_migration_log ORDER BY log_id DESC LIMIT 2"
    assert query(empty_database, log.replace("%%", "%")) == [
        ("20250124_signals_gates_scores", "failed", True),
        ("20250123_add_link_audit_fields", "done", None),
    ]

    with psycopg.connect(**empty_database) as connection:
        connection.execute("DROP TYPE gates")
    assert run(empty_database).verified


@pytest.mark.parametrize("flags", [["--plan"], ["--check"], ["--sql"], ["--plan", "--json"]], ids=" ".join)
@pytest.mark.parametrize("at", ["empty", ROOT_REVISION, "head"])
def test_read_only_modes_write_nothing(empty_database: Keywords, flags: list[str], at: str) -> None:
    if at != "empty":
        databases.become(empty_database, REVISIONS[-1] if at == "head" else at)
    before = query(empty_database, EVERYTHING)
    code, out, error = call(empty_database, *flags)
    assert query(empty_database, EVERYTHING) == before
    assert error.startswith(("Plan:", "Nothing to do:") if "--json" in flags else "")
    assert bool(error) == ("--json" in flags)
    assert code == (ExitCode.PENDING if "--check" in flags and at != "head" else ExitCode.DONE)
    if at != "head":
        assert REVISIONS[-1] in out


def test_a_run_at_head_writes_nothing(head_database: Keywords) -> None:
    before = query(head_database, "SELECT count(*), max(log_id) FROM alembic_migration_log")
    code, out, _ = finish(start(head_database))
    assert (code, out) == (0, f"Nothing to do: {head_database['dbname']} is at {REVISIONS[-1]}.\n")
    assert query(head_database, "SELECT count(*), max(log_id) FROM alembic_migration_log") == before


def test_json_is_one_object_with_the_applied_revisions(empty_database: Keywords) -> None:
    code, out, error = call(empty_database, "--json")
    printed: dict[str, Any] = json.loads(out)
    assert code == 0
    assert (printed["status"], printed["exit"], printed["before"], printed["after"]) == ("done", 0, None, REVISIONS[-1])
    assert [step["revision"] for step in printed["applied"]] == REVISIONS
    assert (printed["verified"], printed["pending"], printed["problems"]) == (True, [], [])
    assert error.count("Applied") == len(REVISIONS)


def test_json_of_a_refusal_names_exit_code_and_reason(empty_database: Keywords) -> None:
    with psycopg.connect(**empty_database) as connection:
        connection.execute("CREATE TABLE invoices (id integer)")
    code, out, error = finish(start(empty_database, "--json"))
    printed = json.loads(out)
    assert (code, printed["exit"], printed["status"]) == (5, 5, "refused")
    assert "not an ncfd database" in printed["error"]
    assert "not an ncfd database" in error


@pytest.mark.parametrize("target", ["no_such_revision", "+99"])
def test_an_unknown_target_is_a_usage_error(head_database: Keywords, target: str) -> None:
    code, _, error = call(head_database, target)
    assert code == ExitCode.USAGE
    assert f"There is no revision {target!r}" in error
    assert "Traceback" not in error


def test_the_command_line_of_alembic_works_from_the_root_without_an_ini_file(empty_database: Keywords) -> None:
    def alembic(*arguments: str) -> tuple[int, str, str]:
        return finish(start(empty_database, *arguments, command=("-m", "alembic")))

    history = alembic("history")[1]
    assert history.count(" -> ") == len(REVISIONS)
    assert f"{REVISIONS[-1]} (head)" in history
    code, out, _ = alembic("upgrade", "head")
    assert (code, out.count("  Applied 2")) == (0, len(REVISIONS))
    assert "\nVerified: 1,0" in out
    assert alembic("upgrade", "head")[1].strip() == f"Nothing to do: {empty_database['dbname']} is at {REVISIONS[-1]}."
    assert alembic("current")[1].strip() == f"{REVISIONS[-1]} (head)"
    code, out, _ = alembic("downgrade", "-1")
    assert (code, f"  Reverted {REVISIONS[-1]} in " in out, f"objects match {REVISIONS[-2]}, " in out) == (
        0,
        True,
        True,
    )
    code, out, _ = alembic("upgrade", REVISIONS[0])
    assert (code, "Run alembic downgrade 2" in out) == (255, True)
    assert query(empty_database, "SELECT version_num FROM alembic_version") == [(REVISIONS[-2],)]
    with psycopg.connect(**empty_database) as connection:
        connection.execute("INSERT INTO trials (nct_id, is_pivotal, last_seen_at) VALUES ('NCT1', true, now())")
    code, out, error = alembic("downgrade", "base")
    assert code != 0
    assert "would destroy rows of trials (1)" in out
    assert "Traceback" not in out + error
    assert alembic("-x", f"allow_destructive={ROOT_REVISION}", "downgrade", "base")[0] == 0


def test_the_command_line_of_alembic_stops_at_the_same_states(empty_database: Keywords) -> None:
    with psycopg.connect(**empty_database) as connection:
        connection.execute("CREATE TABLE invoices (id integer)")
    code, out, error = finish(start(empty_database, "upgrade", "head", command=("-m", "alembic")))
    assert code != 0
    assert "not an ncfd database" in out
    assert "Traceback" not in out + error


def test_stamping_records_a_version_in_a_wide_column(empty_database: Keywords) -> None:
    databases.become(empty_database, CONTRACT_HEAD)
    with psycopg.connect(**empty_database) as connection:
        connection.execute("DROP TABLE alembic_version")
    assert finish(start(empty_database, "stamp", CONTRACT_HEAD, command=("-m", "alembic")))[0] == 0
    assert run(empty_database).verified


def test_history_lists_finished_and_failed_revisions(empty_database: Keywords) -> None:
    assert call(empty_database, "--history")[1].startswith("No runs are logged in")
    databases.become(empty_database, "20250123_add_link_audit_fields")
    with psycopg.connect(**empty_database) as connection:
        connection.execute("CREATE TYPE gates AS (something_else integer)")
    call(empty_database)
    code, out, _ = call(empty_database, "--history")
    lines = out.splitlines()
    assert (code, len(lines)) == (0, 7)
    assert "up      20250121_create_studies_table_and_guardrails" in lines[0]
    assert "failed  by" in lines[-1]
    assert '"gates"' in lines[-1]
    printed = json.loads(call(empty_database, "--history", "--json")[1])
    assert [entry["outcome"] for entry in printed["history"]] == ["done"] * 6 + ["failed"]


def test_verify_only_changes_nothing_and_lists_problems(head_database: Keywords) -> None:
    before = query(head_database, EVERYTHING)
    code, out, _ = call(head_database, "--verify-only")
    assert (code, out[:9]) == (0, "Verified:")
    assert query(head_database, EVERYTHING) == before
    with psycopg.connect(**head_database) as connection:
        connection.execute("CREATE RULE swallow AS ON UPDATE TO link_audit DO INSTEAD NOTHING")
    code, out, _ = call(head_database, "--verify-only")
    assert (code, out[:9], out.partition("Not verified")[2]) == (
        0,
        "Verified:",
        (
            ", but drift: 1 object differs in what users add or attach (rule swallow on link_audit),"
            " see migrate_alembic --drift.\n"
        ),
    )
    with psycopg.connect(**head_database) as connection:
        connection.execute("DROP FUNCTION get_cleanup_candidates")
    code, _, error = call(head_database, "--verify-only")
    assert code == ExitCode.FINDINGS
    assert "missing: function get_cleanup_candidates(integer, integer)" in error


def test_a_run_at_head_imports_neither_alembic_nor_sqlalchemy(head_database: Keywords) -> None:
    code, _, imported = finish(start(head_database, command=("-X", "importtime", "manage.py", "migrate_alembic")))
    modules = {entry.rsplit("|", 1)[1].strip() for entry in imported.splitlines() if "|" in entry}
    assert code == 0
    assert "psycopg" in modules
    assert not {module for module in modules if module.partition(".")[0] in ("alembic", "sqlalchemy")}
