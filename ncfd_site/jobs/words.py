"""A job in words: what it is, where it stands, how far it is, how it ended."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from ncfd_site.jobs.job_types import JobType, find_job_type, registered_job_types
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.queue import OPEN

# What the words of a kind raise over arguments or a result that another version of it has written.
ANOTHER_VERSION = (LookupError, TypeError, ValueError)
# Seconds that a job may wait before the page says what it waits for.
USUAL_WAIT = 10

State = Job.State


def kind_if_known(job: Job) -> JobType | None:
    """Return the kind of a job; None where this version of the site has no such kind."""
    return next((kind for kind in registered_job_types() if kind.name == job.kind), None)


def title_of(job: Job) -> str:
    """Return what kind of work a job is."""
    kind = kind_if_known(job)
    return kind.title if kind else job.kind


def description(job: Job) -> str:
    """Return what a job is done with, as a sentence; "" where this version of the site has no words for it."""
    try:
        return find_job_type(job.kind).describe(job.arguments)
    except ANOTHER_VERSION:
        return ""


def conclusion(job: Job) -> str:
    """Return what came out, as a sentence; "" where nothing did yet, or this version has no words for it."""
    if job.result is None:
        return ""
    try:
        return find_job_type(job.kind).conclude(job.result)
    except ANOTHER_VERSION:
        return ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a job stands: a sign and a word, the class that draws them, and what one should know of it."""

    sign: str
    word: str
    css: str
    note: str = ""


def standing(job: Job) -> Standing:
    """Return where a job stands now."""
    now = timezone.now()
    if job.state == State.QUEUED:
        waits = "It is the turn of others first, or no worker runs: manage.py run_jobs is one."
        late = job.requested_at < now - timedelta(seconds=USUAL_WAIT)
        return Standing("○", "waiting", "waits", waits if late else "")
    if job.state == State.RUNNING:
        if job.cancelled_at is not None:
            return Standing("↻", "ending", "waits", f"{job.cancelled_by} asked for its end.")
        if job.lease_until is not None and job.lease_until < now:
            return Standing("⚠", "interrupted", "wrong", "Its worker was lost; the next one goes on from where it was.")
        return Standing("↻", "running", "waits", _sentence(job.step))
    if job.state == State.CANCELLED:
        return Standing("■", "cancelled", "", f"By {job.cancelled_by}. What was done until then stays.")
    if job.state == State.FAILED:
        return Standing("✗", "failed", "wrong")
    return Standing("✓", "done", "right")


def progress(job: Job) -> str:
    """Return how far the step of a job is; "" where it counts nothing."""
    if not job.unit or (job.state == State.QUEUED and not job.done):
        return ""
    if job.total is None:
        return f"{job.done:,} {job.unit}{' so far' if job.state in OPEN else ''}"
    # Rounded down: all of it is only what is all.
    share = f", {min(100 * job.done // job.total, 100)} %" if job.total else ""
    return f"{job.done:,} of {job.total:,} {job.unit}{share}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""
