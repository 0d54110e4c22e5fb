"""Runs beside and after a run that stops while it builds an index online."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema.deploy import bookkeeping, revisions
from ncfd_site.schema.deploy.bookkeeping import LogAction
from tests.databases import Keywords
from tests.migration import states
from tests.migration.running import call, finish, query, run, start

INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = '{}'::regclass"
# One that waits for an old snapshot.
BUILDS = (
    "SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database()"
    " AND command = 'CREATE INDEX CONCURRENTLY' AND phase LIKE 'waiting for%'"
)


@contextmanager
def old_snapshot(keywords: Keywords) -> Iterator[psycopg.Connection[Any]]:
    """Hold a snapshot, for which a concurrent build of an index waits."""
    with psycopg.connect(**keywords) as holder:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT count(*) FROM exchanges")
        yield holder
        holder.rollback()


def wait_for_build(keywords: Keywords) -> int:
    deadline = time.monotonic() + 60
    while not (pids := query(keywords, BUILDS)):
        assert time.monotonic() < deadline, "no index is built"
        time.sleep(0.02)
    return int(pids[0][0])


def test_a_run_and_a_check_that_start_during_a_build_wait_for_it(empty_database: Keywords) -> None:
    states.at_head(empty_database)
    with ThreadPoolExecutor(2) as pool:
        with old_snapshot(empty_database):
            first = pool.submit(run, empty_database)
            wait_for_build(empty_database)
            second = pool.submit(run, empty_database)
            check = start(empty_database, "--check")
            assert check.stdout is not None
            waits = check.stdout.readline()
            assert not first.done()
            assert not second.done()
        assert first.result(timeout=60).verified
        assert second.result(timeout=60).applied == []
        code, out, _ = finish(check)
    assert waits.startswith("Another migration is running on this database; waiting for process ")
    assert (code, out[:14]) == (0, "Nothing to do:")


def test_the_run_after_a_kill_during_a_build_finishes_it(empty_database: Keywords) -> None:
    states.at_head(empty_database)
    with old_snapshot(empty_database):
        killed = start(empty_database)
        wait_for_build(empty_database)
        killed.send_signal(signal.SIGKILL)
        finish(killed)
    assert run(empty_database).verified
    assert query(empty_database, INVALID) == [(0,)]


def test_the_run_after_a_canceled_build_finishes_it(empty_database: Keywords) -> None:
    states.at_head(empty_database)
    with ThreadPoolExecutor(1) as pool, old_snapshot(empty_database):
        canceled = pool.submit(call, empty_database)
        pid = wait_for_build(empty_database)
        assert query(empty_database, f"SELECT pg_cancel_backend({pid})") == [(True,)]
        code, _, error = canceled.result(timeout=60)
    assert code == ExitCode.PARTIAL
    assert "run migrate_alembic again" in error
    assert query(empty_database, INVALID) == [(1,)]
    code, _, error = call(empty_database)
    assert (code, error) == (0, "")
    assert query(empty_database, INVALID) == [(0,)]


def test_the_timeouts_of_a_database_do_not_stop_a_run(empty_database: Keywords) -> None:
    states.at_head(empty_database)
    name = empty_database["dbname"]
    for setting in ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout"):
        states.execute(empty_database, f"ALTER DATABASE {name} SET {setting} = '700ms'")
    with ThreadPoolExecutor(1) as pool, old_snapshot({**empty_database, "options": "-cstatement_timeout=0"}) as holder:
        holder.execute("SET idle_in_transaction_session_timeout = 0")
        migration = pool.submit(run, empty_database)
        wait_for_build({**empty_database, "options": "-cstatement_timeout=0"})
        time.sleep(1.5)
        holder.rollback()
        assert migration.result(timeout=60).verified


def invalid_index(keywords: Keywords) -> None:
    states.execute(keywords, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_scores_run_id'::regclass")


def constraint_not_validated(keywords: Keywords) -> None:
    states.execute(
        keywords,
        "ALTER TABLE gates DROP CONSTRAINT gates_trial_id_fkey",
        "ALTER TABLE gates ADD CONSTRAINT gates_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES trials(trial_id)"
        " ON DELETE CASCADE NOT VALID",
    )


def adoption_without_its_index(keywords: Keywords) -> None:
    states.execute(keywords, "DROP INDEX ix_scores_run_id")
    with psycopg.connect(**keywords, autocommit=True) as connection:
        bookkeeping.RunLog().record(connection, revisions.head(), LogAction.ADOPT)


UNFINISHED: dict[str, tuple[Callable[[Keywords], None], str]] = {
    "invalid index": (invalid_index, "index ix_scores_run_id"),
    "constraint that is not validated": (constraint_not_validated, "constraint gates.gates_trial_id_fkey"),
    "stopped adoption": (adoption_without_its_index, "index ix_scores_run_id"),
}


@pytest.mark.parametrize(("build", "name"), UNFINISHED.values(), ids=UNFINISHED)
def test_what_a_stopped_run_left_at_head_is_pending_and_finished(
    head_database: Keywords, build: Callable[[Keywords], None], name: str
) -> None:
    build(head_database)
    code, out, _ = call(head_database, "--check")
    assert (code, f"finish {name}" in out) == (ExitCode.PENDING, True)
    code, out, error = call(head_database)
    assert (code, error) == (0, "")
    assert f"Repaired: {name}" in out
    assert call(head_database, "--check")[0] == 0
    assert call(head_database, "--drift")[0] == 0


def test_an_invalid_index_of_a_user_is_reported_and_left_alone(empty_database: Keywords) -> None:
    states.at_head(empty_database)
    states.execute(
        empty_database,
        "CREATE TABLE notes (id integer)",
        "CREATE INDEX ix_notes ON notes (id)",
        "CREATE INDEX ix_trials_by_user ON trials (phase)",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid IN"
        " ('ix_notes'::regclass, 'ix_trials_by_user'::regclass)",
    )
    code, out, error = call(empty_database)
    assert (code, error) == (0, "")
    for index in ("ix_notes", "ix_trials_by_user"):
        assert f"index {index} is invalid, and no query uses it: REINDEX INDEX CONCURRENTLY {index};" in out
        assert query(empty_database, VALID.format(index)) == [(False,)]
    assert call(empty_database, "--verify-only")[0] == 0
