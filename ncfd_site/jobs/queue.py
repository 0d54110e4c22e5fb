"""What people do with jobs: start one, ask for its end, let it go on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from ncfd_site.config.errors import UserError
from ncfd_site.jobs.job_types import JobType, find_job_type
from ncfd_site.jobs.models import Job

State = Job.State
OPEN = (State.QUEUED, State.RUNNING)
ENDED_EARLY = (State.FAILED, State.CANCELLED)
EXCLUSIVE = "uq_site_jobs_exclusive"


class JobError(UserError):
    """The job is not taken, or cannot be changed, as things stand; the text says why."""


@transaction.atomic
def start(kind_name: str, arguments: Mapping[str, Any], *, actor: User) -> Job:
    """Put a job into the queue, in the transaction of the caller, and return it.

    Raises LookupError for an unknown kind, PermissionDenied where the actor may not start one, and `JobRefused` where
    another job that excludes it is open.
    """
    kind = find_job_type(kind_name)
    _require(kind, actor, "Starting")
    with _excluding(kind.name):
        job = Job.objects.create(
            kind=kind.name,
            arguments=dict(arguments),
            exclusive=kind.name if kind.exclusive else None,
            requested_by=actor.get_username(),
        )
    job.refresh_from_db()
    return job


@transaction.atomic
def cancel(job_id: int, *, actor: User) -> Job:
    """End a job that no worker has, at once; ask a running one to end. Returns it; asking twice is asking once.

    Raises Job.DoesNotExist, PermissionDenied where the actor may not, and `JobRefused` where it has ended.
    """
    job = Job.objects.select_for_update().get(pk=job_id)
    _require(find_job_type(job.kind), actor, "Cancelling")
    if job.state not in OPEN:
        raise JobError(f"Job {job.pk} has ended: it is {job.get_state_display()}. There is nothing to cancel.")
    same = Job.objects.filter(pk=job.pk)
    if job.cancelled_at is None:
        same.update(cancelled_by=actor.get_username(), cancelled_at=Now())
    # Nobody runs it: it waits, or its worker was lost and the lease has run out.
    idle = same.filter(state=State.QUEUED) | same.filter(lease_until__lt=Now())
    idle.update(state=State.CANCELLED, finished_at=Now(), lease_until=None)
    job.refresh_from_db()
    return job


@transaction.atomic
def resume(job_id: int, *, actor: User) -> Job:
    """Let a job that failed or was cancelled wait for a worker again, to go on from its checkpoint; returns it.

    Raises Job.DoesNotExist, PermissionDenied where the actor may not, and `JobRefused` where the job did not end early
    or another one that excludes it is open.
    """
    job = Job.objects.select_for_update().get(pk=job_id)
    _require(find_job_type(job.kind), actor, "Resuming")
    if job.state not in ENDED_EARLY:
        raise JobError(f"Job {job.pk} is {job.get_state_display()}: only one that failed or was cancelled goes on.")
    with _excluding(job.kind):
        Job.objects.filter(pk=job.pk).update(
            state=State.QUEUED, finished_at=None, cancelled_by=None, cancelled_at=None, error=None, attempts=0
        )
    job.refresh_from_db()
    return job


def _require(kind: JobType, actor: User, verb: str) -> None:
    if not actor.has_perm(kind.permission):
        raise PermissionDenied(
            f"{verb} this job ({kind.title}) needs the permission {kind.permission}, "
            f"which {actor.get_username()} does not have."
        )


@contextmanager
def _excluding(kind_name: str) -> Iterator[None]:
    """Turn the refusal of the database to have two exclusive jobs open into a sentence that names the open one."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if EXCLUSIVE not in str(error):
            raise
        other = Job.objects.filter(exclusive=kind_name, state__in=OPEN).first()
        named = f"job {other.pk}, of {other.requested_by}, is {other.get_state_display()}" if other else "one just was"
        raise JobError(
            f"Another job of the same kind is open: {named}. Wait until it has ended, or cancel it first."
        ) from error
