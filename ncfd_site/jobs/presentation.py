"""Jobs in words: type, state, progress and result, and the remaining time that a watched job needs.

The page that polls carries the first snapshot in its address, so the server stores nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from django.utils import timezone

from ncfd_site.core.formatting import format_duration
from ncfd_site.jobs.engine import OPEN
from ncfd_site.jobs.job_types import JobType, registered_job_types
from ncfd_site.jobs.models import Job

# Raised by the texts of a job type for arguments or a result of another version of it.
VERSION_ERRORS = (LookupError, TypeError, ValueError)
# Seconds in the queue after which the page explains the wait.
USUAL_WAIT = 10
# Seconds of observation before a remaining time is shown.
MINIMUM_OBSERVATION = 3.0

State = Job.State


def find_type_of_job(job: Job) -> JobType | None:
    """Return the type of a job; None when this version of the site has no such type."""
    return next((job_type for job_type in registered_job_types() if job_type.name == job.kind), None)


def job_title(job: Job) -> str:
    """Return the title of a job's type."""
    job_type = find_type_of_job(job)
    return job_type.title if job_type else job.kind


def describe_arguments(job: Job) -> str:
    """Return the arguments of a job as a sentence; "" when this version cannot."""
    return _format_by_job_type(job, lambda job_type: job_type.describe(job.arguments))


def describe_result(job: Job) -> str:
    """Return the result of a job as a sentence; "" without one, or when this version cannot."""
    result = job.result
    return "" if result is None else _format_by_job_type(job, lambda job_type: job_type.conclude(result))


def _format_by_job_type(job: Job, text: Callable[[JobType], str]) -> str:
    job_type = find_type_of_job(job)
    try:
        return text(job_type) if job_type else ""
    except VERSION_ERRORS:
        return ""


@dataclass(frozen=True, slots=True)
class StateLabel:
    """The state of a job as a sign, a word, a CSS class, and a note."""

    sign: str
    word: str
    css: str
    note: str = ""


def state_label(job: Job) -> StateLabel:
    """Return the label of a job's state now."""
    now = timezone.now()
    if job.state == State.QUEUED:
        is_late = job.requested_at < now - timedelta(seconds=USUAL_WAIT)
        note = "Queued behind other jobs, or no worker is running (manage.py run_jobs)." if is_late else ""
        return StateLabel("○", "queued", "waits", note)
    if job.state == State.RUNNING:
        if job.canceled_at is not None:
            return StateLabel("↻", "stopping", "waits", f"{job.canceled_by} requested cancellation.")
        if not job.is_held:
            return StateLabel("⚠", "interrupted", "wrong", "The worker was lost. The next worker resumes the job.")
        return StateLabel(
            "↻", "running", "waits", f"{job.step[:1].upper()}{job.step[1:].rstrip('.')}." * bool(job.step)
        )
    if job.state == State.CANCELED:
        return StateLabel("■", "canceled", "", f"By {job.canceled_by}. Finished work is kept.")
    if job.state == State.FAILED:
        return StateLabel("✗", "failed", "wrong")
    return StateLabel("✓", "done", "right")


def progress_text(job: Job) -> str:
    """Return the progress of a job's step; "" when it counts nothing."""
    if not job.unit or (job.state == State.QUEUED and not job.done):
        return ""
    if job.total is None:
        return f"{job.done:,} {job.unit}{' so far' if job.state in OPEN else ''}"
    # Rounded down, so that 100 % means finished.
    share = f", {min(100 * job.done // job.total, 100)} %" if job.total else ""
    return f"{job.done:,} of {job.total:,} {job.unit}{share}"


class SnapshotForm(forms.Form):
    """The parameters of a snapshot in an address."""

    state = forms.CharField(required=False, max_length=20)
    step = forms.CharField(required=False, max_length=500, strip=False)
    done = forms.IntegerField(required=False, min_value=0, max_value=2**63)
    at = forms.FloatField(required=False, min_value=0, max_value=1e12)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A job when a page first showed it: state word, step, units done, and the time (seconds since the epoch)."""

    word: str
    step: str
    done: int
    at: float

    @classmethod
    def from_job(cls, job: Job) -> "Snapshot":
        """Return the snapshot of a job now."""
        return cls(state_label(job).word, job.step[:500], job.done, timezone.now().timestamp())

    @classmethod
    def from_query(cls, query: QueryDict) -> "Snapshot | None":
        """Read a snapshot from the query of an address; None without one."""
        form = SnapshotForm(query)
        if not form.is_valid() or form.cleaned_data["at"] is None:
            return None
        values = form.cleaned_data
        return cls(values["state"], values["step"], values["done"] or 0, values["at"])

    @property
    def query_string(self) -> str:
        """The snapshot as the query of an address."""
        return urlencode({"state": self.word, "step": self.step, "done": self.done, "at": f"{self.at:.3f}"})


@dataclass(frozen=True, slots=True)
class ProgressView:
    """A job as a page shows it: `has_changed` since the snapshot, and the snapshot to poll with."""

    job: Job
    snapshot: Snapshot
    has_changed: bool
    remaining: str

    @property
    def is_open(self) -> bool:
        """True while the job is queued or runs."""
        return self.job.state in OPEN


def view_progress(job: Job, before: Snapshot | None) -> ProgressView:
    """Return the view of a job, compared with an earlier snapshot of it."""
    now = Snapshot.from_job(job)
    if before is None:
        return ProgressView(job, now, has_changed=True, remaining="")
    has_changed = (before.word, before.step) != (now.word, now.step)
    if has_changed or before.done > now.done:
        # Another step, or a restart, has another pace.
        return ProgressView(job, now, has_changed=has_changed, remaining="")
    remaining, elapsed, finished = "", now.at - before.at, now.done - before.done
    if job.state == State.RUNNING and job.total is not None and finished > 0 and elapsed >= MINIMUM_OBSERVATION:
        remaining = f"about {format_duration(max(job.total - job.done, 0) * elapsed / finished)} remaining"
    return ProgressView(job, before, has_changed=False, remaining=remaining)
