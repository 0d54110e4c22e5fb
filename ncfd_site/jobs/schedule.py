"""Periodic work: what is scheduled, when it runs next, and the start of what is due.

The defaults come with the job types. A row of `job_schedules` exists once an operator has changed one. All times are
the database's, in UTC.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from croniter import CroniterError, croniter  # type: ignore[import-untyped]
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Window
from django.db.models.functions import Now, RowNumber

from ncfd_site.config.errors import UserError
from ncfd_site.core import sql
from ncfd_site.core.permissions import check_permission
from ncfd_site.jobs import queue
from ncfd_site.jobs.engine import OPEN
from ncfd_site.jobs.job_types import find_job_type, registered_job_types
from ncfd_site.jobs.models import Job, JobSchedule
from ncfd_site.jobs.queue import JobError

CHANGE = "jobs.change_jobschedule"
# Requester of the jobs that a schedule starts.
REQUESTER = "schedule"
CRON_FIELDS = 5


class ScheduleError(UserError):
    """A cron expression or the parameters of a schedule are invalid."""


def list_schedules() -> list[JobSchedule]:
    """Return the schedule of each default, by title of the job type; those without a row are off."""
    saved = JobSchedule.objects.in_bulk()
    schedules = []
    for job_type in registered_job_types():
        for default in job_type.schedules:
            schedule = saved.get(default.name) or JobSchedule(
                name=default.name, cron=default.cron, arguments=dict(default.arguments), problem=""
            )
            # A row may be older than the name of the job type.
            schedule.kind = job_type.name
            schedules.append(schedule)
    return schedules


def find_schedule(name: str) -> JobSchedule:
    """Return a schedule; raises LookupError when there is none."""
    found = next((schedule for schedule in list_schedules() if schedule.name == name), None)
    if found is None:
        raise LookupError(f"There is no schedule {name}.")
    return found


def list_runs(count: int, name: str = "") -> dict[str, list[Job]]:
    """Return the latest runs of each schedule, or of one, newest first."""
    rank = Window(RowNumber(), partition_by=F("schedule"), order_by=F("job_id").desc())
    jobs = Job.objects.filter(schedule=name) if name else Job.objects.filter(schedule__isnull=False)
    runs: dict[str, list[Job]] = {}
    for job in jobs.annotate(rank=rank).filter(rank__lte=count).order_by("-job_id"):
        runs.setdefault(str(job.schedule), []).append(job)
    return runs


def compute_next_run(cron: str, after: datetime) -> datetime:
    """Return when a cron expression is due next; raises `ScheduleError`."""
    refused = f'Cannot read the cron expression "{cron}"'
    if len(cron.split()) != CRON_FIELDS:
        raise ScheduleError(f"{refused}. Write minute, hour, day, month and weekday, such as 30 2 * * *.")
    try:
        found: datetime = croniter(cron, after).get_next(datetime)
    except (CroniterError, ValueError, KeyError) as error:
        raise ScheduleError(f"{refused}: {error}. Times are in UTC; an example is 30 2 * * *.") from None
    return found


def check_parameters(kind: str, parameters: Any) -> None:
    """Raise `ScheduleError` unless the job type can describe the parameters."""
    if "\\u0000" in json.dumps(parameters):
        raise ScheduleError("The parameters contain a NUL character, which PostgreSQL does not store. Remove it.")
    try:
        json.dumps(parameters, allow_nan=False)
        find_job_type(kind).describe(dict(parameters))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ScheduleError(f"Job type {kind} does not accept these parameters: {error!r}.") from None


@transaction.atomic
def change_schedule(name: str, *, cron: str, arguments: Mapping[str, Any], is_active: bool, actor: User) -> JobSchedule:
    """Set when a schedule runs, with which parameters, and whether it is on; return it.

    Raises LookupError, PermissionDenied and `ScheduleError`.
    """
    schedule = find_schedule(name)
    _require_permission(schedule.kind, actor, "Changing")
    check_parameters(schedule.kind, arguments)
    next_at = compute_next_run(cron, sql.value("SELECT clock_timestamp()"))
    values = {"kind": schedule.kind, "cron": cron, "arguments": dict(arguments), "problem": ""}
    author = {"changed_by": actor.get_username(), "changed_at": Now()}
    JobSchedule.objects.update_or_create(
        name=name, defaults={**values, **author, "next_at": next_at if is_active else None}
    )
    return JobSchedule.objects.get(pk=name)


@transaction.atomic
def start_now(name: str, *, actor: User) -> Job:
    """Start a run of a schedule now. Raises LookupError, PermissionDenied, and JobError while one is open."""
    schedule = find_schedule(name)
    _require_permission(schedule.kind, actor, "Running")
    return _start(schedule, actor.get_username())


@transaction.atomic
def start_due() -> None:
    """Start what is due, once however many runs were missed; a row lock keeps other workers from starting it too."""
    kinds = {schedule.name: schedule.kind for schedule in list_schedules()}
    due = JobSchedule.objects.filter(next_at__lte=Now(), name__in=kinds)
    for schedule in due.select_for_update(skip_locked=True):
        schedule.kind = kinds[schedule.name]
        schedule.problem = ""
        try:
            schedule.next_at = compute_next_run(schedule.cron, sql.value("SELECT clock_timestamp()"))
            _start(schedule, REQUESTER)
        except ScheduleError as error:
            schedule.next_at, schedule.problem = None, f"Switched off. {error}"
        except JobError as error:
            schedule.problem = f"The last run did not start. {error}"
        schedule.save(update_fields=["next_at", "problem"])


def _start(schedule: JobSchedule, requester: str) -> Job:
    # No other session starts this schedule until the end of the transaction.
    sql.execute("SELECT pg_advisory_xact_lock(hashtextextended('schedule ' || %s, 0))", [schedule.name])
    job = Job.objects.filter(schedule=schedule.name, state__in=OPEN).first()
    if job is not None:
        raise JobError(f"Job {job.pk} of this schedule is {job.get_state_display()}. Wait until it is finished.")
    return queue.insert(find_job_type(schedule.kind), schedule.arguments, requester, schedule=schedule.name)


def _require_permission(kind: str, actor: User, verb: str) -> None:
    job_type = find_job_type(kind)
    for permission in (CHANGE, job_type.permission):
        check_permission(actor, permission, f"{verb} this schedule ({job_type.title})")
