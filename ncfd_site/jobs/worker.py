"""The worker: runs jobs one after the other until it is stopped, and writes their progress."""

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from ncfd_site.config.errors import UserError
from ncfd_site.core.progress import Canceled
from ncfd_site.jobs.job_types import JobType, find_job_type, registered_job_types
from ncfd_site.jobs.lease import DATABASE_ERRORS, Heartbeat, Lease, LeaseLost, Progress, acquire, own_connection
from ncfd_site.jobs.models import Job

logger = logging.getLogger(__name__)

# Seconds: the lease of a worker, the polling interval, and the longest pause before a lost database is tried again.
LEASE = 60.0
POLL_INTERVAL = 1.0
MAX_PAUSE = 30.0
# Seconds between two writes of progress; a checkpoint is always written.
WRITE_INTERVAL = 0.5

Log = Callable[[str], None]


class Requeued(Canceled):
    """The worker is stopping; another worker resumes the job."""


class JobReporter:
    """A `ProgressReporter` that also raises `LeaseLost` when another worker may hold the job."""

    def __init__(self, job: Job, lease: Lease, heartbeat: Heartbeat, stopping: threading.Event, *, using: str) -> None:
        self.actor = job.requested_by
        self.checkpoint: Mapping[str, Any] = job.checkpoint
        self._progress = Progress(job.step, job.done, job.total, job.unit)
        self._lease = lease
        self._heartbeat = heartbeat
        self._stopping = stopping
        self._using = using
        self._written = time.monotonic()

    def begin(self, step: str, total: int | None, unit: str) -> None:
        """Write the new step."""
        self._progress = Progress(step, 0, total, unit)
        self.flush()

    def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None, note: str = "") -> None:
        """Write the progress at intervals and a checkpoint always; raise when the work is to stop."""
        self._progress = replace(self._progress, done=self._progress.done + count)
        if checkpoint is not None:
            self.checkpoint = checkpoint
        if checkpoint is not None or time.monotonic() - self._written >= WRITE_INTERVAL:
            self.flush(checkpoint)
        if self._heartbeat.lost.is_set():
            raise LeaseLost("The worker did not reach the database in time.")
        if self._stopping.is_set():
            raise Requeued
        if self._heartbeat.canceled.is_set():
            raise Canceled

    def flush(self, checkpoint: Mapping[str, Any] | None = None) -> None:
        """Write the latest progress, and a checkpoint if given."""
        if self._lease.write(self._progress, checkpoint, using=self._using):
            self._heartbeat.canceled.set()
        self._written = time.monotonic()


def work(
    stopping: threading.Event,
    log: Log,
    *,
    once: bool = False,
    until_idle: bool = False,
    lease_seconds: float = LEASE,
) -> None:
    """Run jobs until `stopping` is set, which queues the running one again; `log` receives a line per event.

    `once` ends after at most one job, `until_idle` when none is queued. A lost database is retried; the job that it
    interrupted resumes from its checkpoint when the lease has expired.
    """
    name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    pause = POLL_INTERVAL
    with own_connection() as own:
        while not stopping.is_set():
            try:
                ran = _run_next(name, stopping, log, lease_seconds, own)
            except DATABASE_ERRORS as error:
                logger.warning("Lost the database (%s); retrying in %.0f s.", type(error).__name__, pause)
                connections[own].close()
                stopping.wait(pause)
                pause = min(pause * 2, MAX_PAUSE)
                continue
            pause = POLL_INTERVAL
            if once or (until_idle and not ran):
                return
            if not ran:
                stopping.wait(POLL_INTERVAL)


def _run_next(name: str, stopping: threading.Event, log: Log, lease_seconds: float, own: str) -> bool:
    """Run the next job; return False without one."""
    # Unknown types are left to workers that know them.
    job = acquire(name, [job_type.name for job_type in registered_job_types()], lease_seconds, using=own)
    if job is None:
        return False
    job_type = find_job_type(job.kind)
    lease = Lease(job.job_id, name, lease_seconds)
    verb = "restarts" if job.attempts > 1 else "starts"
    log(f"Job {job.pk} {verb}: {job_type.title}, requested by {job.requested_by}.")
    try:
        with Heartbeat(lease) as heartbeat:
            reporter = JobReporter(job, lease, heartbeat, stopping, using=own)
            log(f"Job {job.pk} {_run_job(job, job_type, lease, reporter, own)}")
    except LeaseLost:
        log(f"Job {job.pk} lost its lease; this worker drops it.")
    finally:
        # The work may have broken its connection, and an idle worker needs none.
        connections[DEFAULT_DB_ALIAS].close()
    return True


def _run_job(job: Job, job_type: JobType, lease: Lease, reporter: JobReporter, own: str) -> str:
    """Run the work, write its outcome, and return that for the log."""
    expected: tuple[type[Exception], ...] = (UserError, *job_type.errors)
    ours: tuple[type[Exception], ...] = (LeaseLost, *DATABASE_ERRORS)
    try:
        result = job_type.run(job.arguments, reporter)
        reporter.flush()
        lease.finish(Job.State.DONE, result=result, using=own)
        return f"is done: {job_type.conclude(result)}"
    except Requeued:
        reporter.flush()
        lease.release(using=own)
        return "is queued again: this worker stops."
    except Canceled:
        reporter.flush()
        lease.finish(Job.State.CANCELED, using=own)
        return "is canceled."
    except ours:
        raise
    except expected as known:
        error = str(known)
    # Broad: an error of one job is its result, and the worker goes on with the next.
    except Exception as unknown:
        logger.exception("Job %s failed.", job.pk)
        error = (
            f"The work failed with an unexpected error ({type(unknown).__name__}). Finished work is kept. The log of"
            " the workers has the details; resume the job once the cause is corrected."
        )
    reporter.flush()
    lease.finish(Job.State.FAILED, error=error.replace("\x00", ""), using=own)
    return f"failed: {error}"
