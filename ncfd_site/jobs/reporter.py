"""The progress reporter of a job: it writes to the row of the job and reads cancellation from there."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from ncfd_site.core.progress import Canceled
from ncfd_site.jobs.lease import DATABASE_ERRORS, Lease, LeaseLost, Progress, own_connection
from ncfd_site.jobs.models import Job

logger = logging.getLogger(__name__)

# Renewals per lease, so that a restart of the database does not lose it.
RENEWALS = 6


class Heartbeat:
    """Renews a lease during the block; sets `canceled` on a requested cancellation and `lost` with the lease."""

    def __init__(self, lease: Lease) -> None:
        self.canceled = threading.Event()
        self.lost = threading.Event()
        self._lease = lease
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{lease.job_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finished.set()
        self._thread.join()

    def _beat(self) -> None:
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


# Seconds between two writes of progress; a checkpoint is always written.
WRITE_INTERVAL = 0.5


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
        self._write(None)

    def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None, note: str = "") -> None:
        """Write the progress at intervals and a checkpoint always; raise when the work is to stop."""
        self._progress = replace(self._progress, done=self._progress.done + count)
        if checkpoint is not None:
            self.checkpoint = checkpoint
        if checkpoint is not None or time.monotonic() - self._written >= WRITE_INTERVAL:
            self._write(checkpoint)
        if self._heartbeat.lost.is_set():
            raise LeaseLost("The worker did not reach the database in time.")
        if self._stopping.is_set():
            raise Requeued
        if self._heartbeat.canceled.is_set():
            raise Canceled

    def flush(self) -> None:
        """Write the latest progress."""
        self._write(None)

    def _write(self, checkpoint: Mapping[str, Any] | None) -> None:
        if self._lease.write(self._progress, checkpoint, using=self._using):
            self._heartbeat.canceled.set()
        self._written = time.monotonic()
