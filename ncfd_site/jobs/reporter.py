"""The progress reporter of a job."""

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ncfd_site.core.progress import Canceled
from ncfd_site.jobs.execution import Execution, Progress
from ncfd_site.jobs.models import Job

# Seconds between two writes of progress; a checkpoint is always written.
WRITE_INTERVAL = 0.5


class Requeued(Canceled):
    """The worker is stopping; another worker resumes the job."""


class JobReporter:
    """A `ProgressReporter` that also raises `JobTakenError` when another worker may run the job."""

    def __init__(self, job: Job, execution: Execution, stopping: threading.Event) -> None:
        self.actor = job.requested_by
        self.checkpoint: Mapping[str, Any] = job.checkpoint
        self.job = job
        self._progress = Progress(job.step, job.done, job.total, job.unit)
        self._execution = execution
        self._stopping = stopping
        self._is_canceled = False
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
        if self._stopping.is_set():
            raise Requeued
        if self._is_canceled:
            raise Canceled

    def flush(self, checkpoint: Mapping[str, Any] | None = None) -> None:
        """Write the latest progress, and a checkpoint if given."""
        self._is_canceled = self._execution.write(self._progress, checkpoint)
        self._written = time.monotonic()
