"""The statements by which a worker takes a job, keeps it and gives it up.

Time is the database's alone. Every statement about a job that is held names the worker: where the lease was lost it
finds no row, and says so.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections
from psycopg.types.json import Jsonb

from ncfd_site.core import sql
from ncfd_site.jobs.connection import DATABASE_ERRORS
from ncfd_site.jobs.models import Job

# After so many lost workers nobody takes a job again until a person has looked.
ATTEMPTS = 5

EXHAUSTED = (
    f"The job was begun {ATTEMPTS} times and each time lost its worker or its database, so nobody takes it again by "
    "itself. What was done until then stays. See the log of the workers, mend what it names, and resume the job."
)

BURY = """
    UPDATE site_jobs
    SET state = CASE WHEN cancelled_at IS NULL THEN 'failed' ELSE 'cancelled' END,
        error = CASE WHEN cancelled_at IS NULL THEN %(error)s END,
        finished_at = clock_timestamp(), lease_until = NULL
    WHERE state = 'running' AND lease_until < clock_timestamp()
      AND (attempts >= %(attempts)s OR cancelled_at IS NOT NULL)
"""
CLAIM = """
    UPDATE site_jobs
    SET state = 'running', worker = %(worker)s, attempts = attempts + 1,
        started_at = coalesce(started_at, clock_timestamp()),
        lease_until = clock_timestamp() + make_interval(secs => %(seconds)s)
    WHERE job_id = (
        SELECT job_id FROM site_jobs
        WHERE state IN ('queued', 'running') AND kind = ANY(%(kinds)s)
          AND (state = 'queued' OR lease_until < clock_timestamp())
        ORDER BY job_id LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
    RETURNING job_id
"""
RENEW = """
    UPDATE site_jobs SET lease_until = clock_timestamp() + make_interval(secs => %(seconds)s)
    WHERE job_id = %(job_id)s AND worker = %(worker)s AND state = 'running'
    RETURNING cancelled_at IS NOT NULL
"""
WRITE = """
    UPDATE site_jobs
    SET step = %(step)s, done = %(done)s, total = %(total)s, unit = %(unit)s,
        checkpoint = coalesce(%(checkpoint)s, checkpoint)
    WHERE job_id = %(job_id)s AND worker = %(worker)s AND state = 'running'
    RETURNING cancelled_at IS NOT NULL
"""
FINISH = """
    UPDATE site_jobs
    SET state = %(state)s, result = %(result)s, error = %(error)s, finished_at = clock_timestamp(), lease_until = NULL
    WHERE job_id = %(job_id)s AND worker = %(worker)s AND state = 'running'
    RETURNING true
"""
# A worker that is told to end has not failed: the attempt does not count.
PUT_BACK = """
    UPDATE site_jobs
    SET state = CASE WHEN cancelled_at IS NULL THEN 'queued' ELSE 'cancelled' END,
        finished_at = CASE WHEN cancelled_at IS NULL THEN NULL ELSE clock_timestamp() END,
        attempts = attempts - 1, lease_until = NULL
    WHERE job_id = %(job_id)s AND worker = %(worker)s AND state = 'running'
    RETURNING true
"""


class LeaseLost(Exception):
    """Another worker may have the job by now: this one ends its run, and touches the row no more."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the step of a job is."""

    step: str = ""
    done: int = 0
    total: int | None = None
    unit: str = ""


def claim(worker: str, kinds: Collection[str], seconds: float, *, using: str) -> Job | None:
    """Take the oldest job that waits, or whose worker was lost, for so many seconds; None where there is none."""
    sql.execute(BURY, {"error": EXHAUSTED, "attempts": ATTEMPTS}, using=using)
    job_id = sql.value(CLAIM, {"worker": worker, "kinds": list(kinds), "seconds": seconds}, using=using)
    return None if job_id is None else Job.objects.using(using).get(pk=job_id)


@dataclass(frozen=True, slots=True)
class Lease:
    """One job in the hands of one worker. `write` and `renew` tell whether somebody asked for its end."""

    job_id: int
    worker: str
    seconds: float

    def renew(self, *, using: str) -> bool:
        """Keep the job for its seconds from now on."""
        return self._run(RENEW, {"seconds": self.seconds}, using)

    def write(self, progress: Progress, checkpoint: Mapping[str, Any] | None, *, using: str) -> bool:
        """Write how far the job is, and where to go on where that is given."""
        values = {"step": progress.step, "done": progress.done, "total": progress.total, "unit": progress.unit}
        return self._run(WRITE, {**values, "checkpoint": _json(checkpoint)}, using)

    def finish(
        self, state: Job.State, *, result: Mapping[str, Any] | None = None, error: str | None = None, using: str
    ) -> None:
        """End the job."""
        self._run(FINISH, {"state": state.value, "result": _json(result), "error": error}, using)

    def put_back(self, *, using: str) -> None:
        """Let the job wait for another worker; where its end was asked for, it ends."""
        self._run(PUT_BACK, {}, using)

    def _run(self, statement: str, values: Mapping[str, Any], using: str) -> bool:
        values = {**values, "job_id": self.job_id, "worker": self.worker}
        try:
            found = sql.value(statement, values, using=using)
        except DATABASE_ERRORS:
            # The connection was cut, perhaps while it was idle. To say it once more changes nothing twice.
            connections[using].close()
            found = sql.value(statement, values, using=using)
        if found is None:
            raise LeaseLost(f"Job {self.job_id} is no longer held by {self.worker}.")
        return bool(found)


def _json(value: Mapping[str, Any] | None) -> Jsonb | None:
    return None if value is None else Jsonb(dict(value), dumps=DjangoJSONEncoder().encode)
