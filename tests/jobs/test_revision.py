"""Jobs of databases that leave leases behind, and take them up again."""

import psycopg
import pytest

from tests import databases
from tests.databases import Keywords
from tests.migration.running import query, run

BEFORE, AFTER = "20261130_add_score_runs", "20261130_run_jobs_by_tasks"
JOBS = """
    INSERT INTO site_jobs (kind, requested_by, state, attempts, worker, lease_until, finished_at, checkpoint) VALUES
        ('count', 'olga', 'queued', 0, NULL, NULL, NULL, '{}'),
        ('count', 'olga', 'running', 2, 'first', now() + interval '1 minute', NULL, '{"counted": 7}'),
        ('count', 'olga', 'failed', 5, 'first', NULL, now(), '{"counted": 9}')
"""
FOUND = "SELECT state, attempts, checkpoint ->> 'counted' FROM site_jobs ORDER BY job_id"


def test_jobs_keep_their_checkpoints_and_running_ones_are_queued(empty_database: Keywords) -> None:
    databases.become(empty_database, BEFORE)
    with psycopg.connect(**empty_database) as connection:
        connection.execute(JOBS)
    run(empty_database, AFTER)
    assert query(empty_database, FOUND) == [("queued", 0, None), ("queued", 2, "7"), ("failed", 5, "9")]
    with psycopg.connect(**empty_database) as connection:
        connection.execute("UPDATE site_jobs SET state = 'running', task_id = 3 WHERE attempts = 2")
    run(empty_database, BEFORE)
    assert query(empty_database, FOUND) == [("queued", 0, None), ("running", 2, "7"), ("failed", 5, "9")]
    # A worker of the earlier version takes it at once.
    assert query(empty_database, "SELECT lease_until < now() FROM site_jobs WHERE state = 'running'") == [(True,)]
    with psycopg.connect(**empty_database) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("UPDATE site_jobs SET lease_until = NULL")
