"""Killed and concurrent scoring runs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, connections

from ncfd_site.core import sql
from ncfd_site.core.progress import NullReporter
from ncfd_site.postgres import connection_parameters
from signals.models import Score, ScoreRun
from signals.registry_signals.evaluation import LOCK as REGISTRY_LOCK
from signals.registry_signals.evaluation import evaluate_registry_signals
from signals.scoring.run import LOCK, RunInProgressError, score_trials
from signals.scoring.verification import VerificationCounts, find_mismatches
from signals.trials.runs import list_latest_runs
from tests.signals.scoring.commands import stored_rows
from tests.signals.scoring.rows import make_signals, make_trial

pytestmark = pytest.mark.django_db(transaction=True)

# Runs the command in a separate process on the test database.
PROGRAM = """
import sys
import django
from django.conf import settings
django.setup()
settings.DATABASES["default"]["NAME"] = sys.argv[1]
from django.db import connections
connections["default"].settings_dict["NAME"] = sys.argv[1]
from django.core.management import call_command
call_command("score_trials", "--run-id", "two")
"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def test_killed_run_leaves_a_record_and_starts_again() -> None:
    make_signals(make_trial(), "S1H", "S2H")
    make_trial()
    score_trials("one")
    before = stored_rows()
    # The scores are written and not committed when the run waits for the gates.
    with held("LOCK TABLE gates IN SHARE MODE"):
        process = begin()
        until_one_waits()
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=120)
    until_gone()
    assert process.returncode == -signal.SIGKILL
    assert stored_rows() == before
    assert ScoreRun.objects.get(run_id="two").state == "running"
    assert [run.run_id for run in list_latest_runs()] == ["one"]
    assert score_trials("two").written == 2
    assert ScoreRun.objects.get(run_id="two").state == "complete"
    assert [run.run_id for run in list_latest_runs()] == ["two", "one"]


def test_failed_run_is_recorded() -> None:
    trial = make_trial()
    score_trials("one")
    sql.execute("SET lock_timeout = '200ms'")
    make_signals(trial, "S1H", "S2H")
    with held("LOCK TABLE gates IN SHARE MODE"), pytest.raises(OperationalError, match="lock timeout"):
        score_trials("two")
    sql.execute("RESET lock_timeout")
    run = ScoreRun.objects.get(run_id="two")
    assert (run.state, run.moment, run.finished_at is not None) == ("failed", None, True)
    assert Score.objects.filter(trial=trial).count() == 1


@pytest.mark.parametrize(
    ("lock", "run"), [(LOCK, lambda: score_trials("two")), (REGISTRY_LOCK, evaluate_registry_signals)]
)
def test_concurrent_run_is_rejected(lock: int, run: Callable[[], object]) -> None:
    make_trial()
    with (
        held(f"SELECT pg_advisory_xact_lock({lock})"),
        pytest.raises(RunInProgressError, match="Wait until it has finished"),
    ):
        run()
    assert not Score.objects.exists()
    run()


def test_run_that_finishes_during_verification_causes_no_mismatch() -> None:
    trial = make_trial()
    make_signals(trial, "S1H", "S2H")
    score_trials("one")
    keywords = {**connection_parameters(), "dbname": connections["default"].settings_dict["NAME"]}

    class ConcurrentRun(NullReporter):
        def begin(self, step: str, total: int | None, unit: str) -> None:
            assert total in (1, 4)
            with psycopg.connect(**keywords) as other:
                # Changes of a concurrent run.
                other.execute("UPDATE gates SET fired_bool = \"G_id\" <> 'G1'")
                other.execute("UPDATE scores SET p_fail = 0.5")

    assert list(find_mismatches(VerificationCounts(), reporter=ConcurrentRun())) == []
    assert {one.table for one in find_mismatches(VerificationCounts())} == {"scores", "gates"}


@contextmanager
def held(statement: str) -> Iterator[None]:
    """Hold a lock in another transaction."""
    keywords = {**connection_parameters(), "dbname": connections["default"].settings_dict["NAME"]}
    with psycopg.connect(**keywords) as connection:
        connection.execute(statement.encode())
        yield
        connection.rollback()


def begin() -> subprocess.Popen[bytes]:
    name = connections["default"].settings_dict["NAME"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "ncfd_site.settings"}
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(name)], env=environment, cwd=settings.BASE_DIR)


def until_one_waits() -> None:
    until(lambda: sql.value(WAITING) > 0)


def until_gone() -> None:
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    until(lambda: sql.value(others) == 0)


def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("the condition was not met within a minute")
