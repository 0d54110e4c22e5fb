"""Procrastinate, which executes jobs: the task of a job, whether a worker runs it, and jobs that lost their worker.

A task is a row of `procrastinate_jobs` in the queue of its job type, deleted at its end. `site_jobs.task_id` names the
task that may run a job; every other task finds nothing to do, so a job that is queued again has one worker at a time.
"""

from datetime import timedelta
from functools import partial

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Now
from procrastinate.contrib.django.models import ProcrastinateJob
from psycopg.types.json import Jsonb

from ncfd_site.core import sql
from ncfd_site.jobs.job_types import registered_job_types, report_failure
from ncfd_site.jobs.models import Job

TABLE = "procrastinate_jobs"
TASK = "run_job"
# Seconds between two heartbeats of a worker, and without one until it counts as lost.
HEARTBEAT = 10.0
LOST_AFTER = 30.0
# Lost workers after which a job fails.
MAX_ATTEMPTS = 5
EXHAUSTED = (
    f"The job started {MAX_ATTEMPTS} times and lost its worker or its database each time, so no worker retries it. "
    "Finished work is kept. Correct the cause that the log of the workers names, then resume the job."
)

State = Job.State
OPEN = (State.QUEUED, State.RUNNING)
# Any number: the key of the advisory lock of one `requeue_lost` at a time.
LOCK = 4_061_530_118

DEFER = """
    UPDATE site_jobs SET task_id = (procrastinate_defer_jobs_v1(ARRAY[
        (kind, %(task)s, %(priority)s, NULL, NULL, %(arguments)s, NULL)::procrastinate_job_to_defer_v1
    ]))[1] WHERE job_id = %(job_id)s
"""
DROP_LOST = """
    DELETE FROM procrastinate_jobs t
    WHERE status = 'doing' AND (id = ANY(%(dropped)s) OR NOT EXISTS (
        SELECT FROM procrastinate_workers w
        WHERE w.id = t.worker_id AND w.last_heartbeat > now() - make_interval(secs => %(seconds)s)))
"""


def defer(job: Job, *, using: str = DEFAULT_DB_ALIAS) -> None:
    """Give a job a new task in the transaction of the caller; an earlier one finds nothing to do."""
    values = {"task": TASK, "priority": find_priority(job.kind), "arguments": Jsonb({"job_id": job.pk})}
    sql.execute(DEFER, {**values, "job_id": job.pk}, using=using)


def find_priority(kind: str) -> int:
    """Return the priority of a job type; that of an unknown one is 0."""
    return next((job_type.priority for job_type in registered_job_types() if job_type.name == kind), 0)


def is_held() -> Exists:
    """Return the expression that is true for a job whose task a live worker runs."""
    alive = Now() - timedelta(seconds=LOST_AFTER)
    return Exists(
        ProcrastinateJob.objects.filter(pk=OuterRef("task_id"), status="doing", worker__last_heartbeat__gt=alive)
    )


def end_exhausted(jobs: "QuerySet[Job]") -> None:
    """End those of the jobs, which lost their worker, that were canceled meanwhile or started too often."""
    is_canceled = Q(canceled_at__isnull=False)
    exhausted = jobs.filter(Q(attempts__gte=MAX_ATTEMPTS) | is_canceled, state=State.RUNNING)
    keys = list(exhausted.values_list("pk", flat=True))
    exhausted.update(
        state=Case(When(is_canceled, then=Value(State.CANCELED)), default=Value(State.FAILED)),
        error=Case(When(is_canceled, then=Value(None)), default=Value(EXHAUSTED)),
        finished_at=Now(),
    )
    for job in Job.objects.using(jobs.db).filter(pk__in=keys, state=State.FAILED):
        transaction.on_commit(partial(report_failure, job), using=jobs.db)


def requeue_lost(dropped: tuple[int, ...] = (), *, using: str = DEFAULT_DB_ALIAS) -> None:
    """Give jobs without a task a new one: their worker was lost, its task is among `dropped`, or none was made yet."""
    with transaction.atomic(using=using):
        if not sql.value("SELECT pg_try_advisory_xact_lock(%s)", [LOCK], using=using):
            return
        sql.execute(DROP_LOST, {"dropped": list(dropped), "seconds": LOST_AFTER}, using=using)
        tasks = ProcrastinateJob.objects.filter(pk=OuterRef("task_id"), status__in=("todo", "doing"))
        lost = Job.objects.using(using).filter(~Exists(tasks), state__in=OPEN)
        end_exhausted(lost)
        for job in lost.select_for_update(skip_locked=True):
            defer(job, using=using)
