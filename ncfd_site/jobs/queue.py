"""The actions of users on background jobs: start, cancel, resume."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from ncfd_site.config.errors import UserError
from ncfd_site.core import sql
from ncfd_site.core.permissions import check_permission
from ncfd_site.jobs.engine import OPEN, defer, is_held
from ncfd_site.jobs.job_types import JobType, find_job_type
from ncfd_site.jobs.models import Job

State = Job.State
RESUMABLE = (State.FAILED, State.CANCELED)
EXCLUSIVE = "uq_site_jobs_exclusive"


class JobError(UserError):
    """The state of a job, or another open job, does not allow the action."""


@transaction.atomic
def start(name: str, arguments: Mapping[str, Any], *, actor: User) -> Job:
    """Queue a job in the transaction of the caller, and return it.

    Raises LookupError for an unknown type, PermissionDenied, and `JobError` while another job excludes it.
    """
    job_type = find_job_type(name)
    _require_permission(job_type, actor, "Starting")
    return insert(job_type, arguments, actor.get_username())


@transaction.atomic
def insert(job_type: JobType, arguments: Mapping[str, Any], requester: str, *, schedule: str | None = None) -> Job:
    """Queue a job without asking for permission, as a run of a schedule if it is given; raises `JobError`."""
    with _exclusive(job_type.name):
        job = Job.objects.create(
            kind=job_type.name,
            arguments=dict(arguments),
            exclusive=job_type.name if job_type.exclusive else None,
            requested_by=requester,
            schedule=schedule,
        )
        defer(job)
    job.refresh_from_db()
    return job


@transaction.atomic
def cancel(job_id: int, *, actor: User) -> Job:
    """Cancel a job that no worker holds at once, and request it of a running one; idempotent. Returns the job.

    Raises Job.DoesNotExist, PermissionDenied, and `JobError` for a finished job.
    """
    job = Job.objects.select_for_update().get(pk=job_id)
    _require_permission(find_job_type(job.kind), actor, "Canceling")
    if job.state not in OPEN:
        raise JobError(f"Job {job.pk} is {job.get_state_display()}. There is nothing to cancel.")
    same = Job.objects.filter(pk=job.pk)
    if job.canceled_at is None:
        same.update(canceled_by=actor.get_username(), canceled_at=Now())
    # No worker holds it: it is queued, or its worker was lost.
    if same.filter(Q(state=State.QUEUED) | ~Q(is_held())).update(state=State.CANCELED, finished_at=Now()):
        sql.execute("DELETE FROM procrastinate_jobs WHERE id = %s AND status = 'todo'", [job.task_id])
    job.refresh_from_db()
    return job


@transaction.atomic
def resume(job_id: int, *, actor: User) -> Job:
    """Queue a failed or canceled job again, to resume from its checkpoint; returns it.

    Raises Job.DoesNotExist, PermissionDenied, and `JobError` for any other job or while another job excludes it.
    """
    job = Job.objects.select_for_update().get(pk=job_id)
    _require_permission(find_job_type(job.kind), actor, "Resuming")
    if job.state not in RESUMABLE:
        raise JobError(f"Job {job.pk} is {job.get_state_display()}. Only a failed or canceled job can be resumed.")
    with _exclusive(job.kind):
        Job.objects.filter(pk=job.pk).update(
            state=State.QUEUED, finished_at=None, canceled_by=None, canceled_at=None, error=None, attempts=0
        )
        defer(job)
    job.refresh_from_db()
    return job


def _require_permission(job_type: JobType, actor: User, verb: str) -> None:
    check_permission(actor, job_type.permission, f"{verb} this job ({job_type.title})")


@contextmanager
def _exclusive(name: str) -> Iterator[None]:
    """Turn the unique violation of a second exclusive job into an error that names the open one."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if EXCLUSIVE not in str(error):
            raise
        other = Job.objects.filter(exclusive=name, state__in=OPEN).first()
        named = f"job {other.pk} of {other.requested_by} is {other.get_state_display()}" if other else "it just started"
        raise JobError(
            f"Another job of this type is open: {named}. Wait until it is finished, or cancel it."
        ) from error
