"""The statements by which a worker starts a job, and writes its progress and its end.

All times are the database's. Every statement names the task, so a worker that the job was taken from updates no row.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from psycopg.types.json import Jsonb

from ncfd_site.core import sql
from ncfd_site.jobs.engine import end_exhausted
from ncfd_site.jobs.models import Job

# Raised by Django and by the driver when the server is gone or the connection was cut.
DATABASE_ERRORS = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)

START = """
    UPDATE site_jobs
    SET state = 'running', worker = %(worker)s, attempts = attempts + 1,
        started_at = coalesce(started_at, clock_timestamp())
    WHERE job_id = %(job_id)s AND task_id = %(task_id)s AND state IN ('queued', 'running')
    RETURNING true
"""
WRITE = """
    UPDATE site_jobs
    SET step = %(step)s, done = %(done)s, total = %(total)s, unit = %(unit)s,
        checkpoint = coalesce(%(checkpoint)s, checkpoint)
    WHERE job_id = %(job_id)s AND task_id = %(task_id)s AND state = 'running'
    RETURNING canceled_at IS NOT NULL
"""
FINISH = """
    UPDATE site_jobs
    SET state = %(state)s, result = %(result)s, error = %(error)s, finished_at = clock_timestamp()
    WHERE job_id = %(job_id)s AND task_id = %(task_id)s AND state = 'running'
    RETURNING true
"""
# A stopped worker has not failed, so the attempt does not count.
RELEASE = """
    UPDATE site_jobs
    SET state = CASE WHEN canceled_at IS NULL THEN 'queued' ELSE 'canceled' END,
        finished_at = CASE WHEN canceled_at IS NULL THEN NULL ELSE clock_timestamp() END,
        attempts = attempts - 1
    WHERE job_id = %(job_id)s AND task_id = %(task_id)s AND state = 'running'
    RETURNING true
"""


class JobTakenError(Exception):
    """The worker counted as lost, and another one may run the job. The run ends without another write."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a job's step."""

    step: str = ""
    done: int = 0
    total: int | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """The run of one job by one task, written over the connection `using`."""

    job_id: int
    task_id: int
    using: str

    def start(self, worker: str) -> Job | None:
        """Start or restart the job and return it; None if it is finished or has another task."""
        jobs = Job.objects.using(self.using).filter(pk=self.job_id, task_id=self.task_id)
        end_exhausted(jobs)
        return jobs.get() if self._execute(START, {"worker": worker}) else None

    def write(self, progress: Progress, checkpoint: Mapping[str, Any] | None) -> bool:
        """Write the progress, and the checkpoint if given; return whether cancellation was requested.

        Raises `JobTakenError`, as the other methods do.
        """
        return self._execute_as_holder(WRITE, {**asdict(progress), "checkpoint": _encode_json(checkpoint)})

    def finish(self, state: Job.State, *, result: Mapping[str, Any] | None = None, error: str | None = None) -> None:
        """Set the final state of the job with its result or error."""
        self._execute_as_holder(FINISH, {"state": state.value, "result": _encode_json(result), "error": error})

    def release(self) -> None:
        """Queue the job for another worker, or cancel it if that was requested."""
        self._execute_as_holder(RELEASE, {})

    def _execute_as_holder(self, statement: str, values: Mapping[str, Any]) -> bool:
        try:
            found = self._execute(statement, values)
        except DATABASE_ERRORS:
            # The connection was cut, perhaps while idle. Each statement can run twice.
            connections[self.using].close()
            found = self._execute(statement, values)
        if found is None:
            raise JobTakenError(f"Task {self.task_id} no longer runs job {self.job_id}.")
        return found

    def _execute(self, statement: str, values: Mapping[str, Any]) -> bool | None:
        named = {**values, "job_id": self.job_id, "task_id": self.task_id}
        found: bool | None = sql.value(statement, named, using=self.using)
        return found


def _encode_json(value: Mapping[str, Any] | None) -> Jsonb | None:
    return None if value is None else Jsonb(dict(value), dumps=DjangoJSONEncoder().encode)


@contextmanager
def own_connection(alias: str = "jobs") -> Iterator[str]:
    """Yield the alias of one more connection for this thread.

    Progress is visible through it while the work holds a transaction, and is kept when that is rolled back.
    """
    connections[alias] = connections[DEFAULT_DB_ALIAS].copy(alias)
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections[alias]
