"""The lease of a job: the statements by which a worker acquires, renews, updates and releases it, and its heartbeat.

All times are the database's. Every statement names the worker, so a worker that lost its lease updates no row.
"""

import logging
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

import psycopg
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from psycopg.types.json import Jsonb

from ncfd_site.core import sql
from ncfd_site.jobs.models import Job

# Raised by Django and by the driver when the server is gone or the connection was cut.
DATABASE_ERRORS = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
# Lost workers after which a job fails.
MAX_ATTEMPTS = 5
# Renewals per lease, so that a restart of the database does not lose it.
RENEWALS = 6

logger = logging.getLogger(__name__)

EXHAUSTED = (
    f"The job started {MAX_ATTEMPTS} times and lost its worker or its database each time, so no worker retries it. "
    "Finished work is kept. Correct the cause that the log of the workers names, then resume the job."
)

FAIL_EXHAUSTED = """
    UPDATE site_jobs
    SET state = CASE WHEN canceled_at IS NULL THEN 'failed' ELSE 'canceled' END,
        error = CASE WHEN canceled_at IS NULL THEN %(error)s END,
        finished_at = clock_timestamp(), lease_until = NULL
    WHERE state = 'running' AND lease_until < clock_timestamp()
      AND (attempts >= %(attempts)s OR canceled_at IS NOT NULL)
"""
ACQUIRE = """
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
    RETURNING canceled_at IS NOT NULL
"""
WRITE = """
    UPDATE site_jobs
    SET step = %(step)s, done = %(done)s, total = %(total)s, unit = %(unit)s,
        checkpoint = coalesce(%(checkpoint)s, checkpoint)
    WHERE job_id = %(job_id)s AND worker = %(worker)s AND state = 'running'
    RETURNING canceled_at IS NOT NULL
"""
FINISH = """
    UPDATE site_jobs
    SET state = %(state)s, result = %(result)s, error = %(error)s, finished_at = clock_timestamp(), lease_until = NULL
    WHERE job_id = %(job_id)s AND worker = %(worker)s AND state = 'running'
    RETURNING true
"""
# A stopped worker has not failed, so the attempt does not count.
RELEASE = """
    UPDATE site_jobs
    SET state = CASE WHEN canceled_at IS NULL THEN 'queued' ELSE 'canceled' END,
        finished_at = CASE WHEN canceled_at IS NULL THEN NULL ELSE clock_timestamp() END,
        attempts = attempts - 1, lease_until = NULL
    WHERE job_id = %(job_id)s AND worker = %(worker)s AND state = 'running'
    RETURNING true
"""


class LeaseLost(Exception):
    """The lease expired, and another worker may hold the job. The run ends without another write."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a job's step."""

    step: str = ""
    done: int = 0
    total: int | None = None
    unit: str = ""


def acquire(worker: str, kinds: Collection[str], seconds: float, *, using: str) -> Job | None:
    """Lease the oldest job that is queued or lost its worker for `seconds`; None without one."""
    sql.execute(FAIL_EXHAUSTED, {"error": EXHAUSTED, "attempts": MAX_ATTEMPTS}, using=using)
    job_id = sql.value(ACQUIRE, {"worker": worker, "kinds": list(kinds), "seconds": seconds}, using=using)
    return None if job_id is None else Job.objects.using(using).get(pk=job_id)


@dataclass(frozen=True, slots=True)
class Lease:
    """The lease of one job by one worker. `write` and `renew` return True once cancellation was requested."""

    job_id: int
    worker: str
    seconds: float

    def renew(self, *, using: str) -> bool:
        """Extend the lease; return whether cancellation was requested. Raises `LeaseLost`."""
        return self._execute_as_holder(RENEW, {"seconds": self.seconds}, using)

    def write(self, progress: Progress, checkpoint: Mapping[str, Any] | None, *, using: str) -> bool:
        """Write the progress, and the checkpoint if given; return and raise as `renew` does."""
        return self._execute_as_holder(WRITE, {**asdict(progress), "checkpoint": _encode_json(checkpoint)}, using)

    def finish(
        self, state: Job.State, *, result: Mapping[str, Any] | None = None, error: str | None = None, using: str
    ) -> None:
        """Set the final state of the job with its result or error. Raises `LeaseLost`."""
        self._execute_as_holder(FINISH, {"state": state.value, "result": _encode_json(result), "error": error}, using)

    def release(self, *, using: str) -> None:
        """Queue the job for another worker, or cancel it if that was requested. Raises `LeaseLost`."""
        self._execute_as_holder(RELEASE, {}, using)

    def _execute_as_holder(self, statement: str, values: Mapping[str, Any], using: str) -> bool:
        values = {**values, "job_id": self.job_id, "worker": self.worker}
        try:
            found = sql.value(statement, values, using=using)
        except DATABASE_ERRORS:
            # The connection was cut, perhaps while idle. Each statement can run twice.
            connections[using].close()
            found = sql.value(statement, values, using=using)
        if found is None:
            raise LeaseLost(f"{self.worker} no longer holds job {self.job_id}.")
        return bool(found)


def _encode_json(value: Mapping[str, Any] | None) -> Jsonb | None:
    return None if value is None else Jsonb(dict(value), dumps=DjangoJSONEncoder().encode)


@contextmanager
def own_connection() -> Iterator[str]:
    """Yield the alias of one more connection for this thread.

    Progress is visible through it while the work holds a transaction, and is kept when that is rolled back.
    """
    alias = "jobs"
    connections[alias] = connections[DEFAULT_DB_ALIAS].copy(alias)
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections[alias]


class Heartbeat:
    """Renews a lease during the block; sets `canceled` on a requested cancellation and `lost` with the lease."""

    def __init__(self, lease: Lease) -> None:
        self.canceled = threading.Event()
        self.lost = threading.Event()
        self._lease = lease
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._keep_lease, name=f"heartbeat-{lease.job_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finished.set()
        self._thread.join()

    def _keep_lease(self) -> None:
        renewed = time.monotonic()
        with own_connection() as alias:
            while not self._finished.wait(self._lease.seconds / RENEWALS):
                started = time.monotonic()
                try:
                    if self._lease.renew(using=alias):
                        self.canceled.set()
                except LeaseLost:
                    self.lost.set()
                    return
                except DATABASE_ERRORS as error:
                    logger.warning("Cannot renew the lease of job %s: %s", self._lease.job_id, type(error).__name__)
                    # Without an answer, the time since the last one decides.
                    if started - renewed > self._lease.seconds:
                        self.lost.set()
                        return
                else:
                    renewed = started
