"""Takes jobs, one after the other, and carries them out until it is told to end."""

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable

from django.db import DEFAULT_DB_ALIAS, connections

from ncfd_site.config.errors import UserError
from ncfd_site.core.progress import Canceled
from ncfd_site.jobs.connection import DATABASE_ERRORS, own_connection
from ncfd_site.jobs.heartbeat import Heartbeat
from ncfd_site.jobs.job_control import JobControl, Requeued
from ncfd_site.jobs.job_types import JobType, find_job_type, registered_job_types
from ncfd_site.jobs.lease import Lease, LeaseLost, claim
from ncfd_site.jobs.models import Job

logger = logging.getLogger(__name__)

# Seconds: how long a worker that says nothing keeps a job, how often it looks for one, and how long it waits at most
# for a database that has gone away before it tries again.
LEASE = 60.0
POLL = 1.0
PATIENCE = 30.0

Tell = Callable[[str], None]


def work(
    stopping: threading.Event,
    tell: Tell,
    *,
    once: bool = False,
    until_idle: bool = False,
    lease_seconds: float = LEASE,
) -> None:
    """Carry out jobs until `stopping` is set: the running one then waits again. `tell` takes a line for people.

    `once` ends after one job or none, `until_idle` when none is to be taken. A database that goes away is waited for;
    the job that it took with it is begun again, from its checkpoint, when its lease has run out.
    """
    name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    pause = POLL
    with own_connection() as own:
        while not stopping.is_set():
            try:
                taken = _take(name, stopping, tell, lease_seconds, own)
            except DATABASE_ERRORS as error:
                logger.warning("The database broke off (%s); trying again in %.0f s.", type(error).__name__, pause)
                connections[own].close()
                stopping.wait(pause)
                pause = min(pause * 2, PATIENCE)
                continue
            pause = POLL
            if once or (until_idle and not taken):
                return
            if not taken:
                stopping.wait(POLL)


def _take(name: str, stopping: threading.Event, tell: Tell, lease_seconds: float, own: str) -> bool:
    """Carry out one job; whether there was one."""
    # What this code does not know is left to a worker that does.
    job = claim(name, [kind.name for kind in registered_job_types()], lease_seconds, using=own)
    if job is None:
        return False
    kind = find_job_type(job.kind)
    lease = Lease(job.job_id, name, lease_seconds)
    tell(f"Job {job.pk} begins{' again' if job.attempts > 1 else ''}: {kind.title}, for {job.requested_by}.")
    try:
        with Heartbeat(lease) as heartbeat:
            control = JobControl(job, lease, heartbeat, stopping, using=own)
            tell(f"Job {job.pk} {_carry_out(job, kind, lease, control, own)}")
    except LeaseLost:
        tell(f"Job {job.pk} is no longer held by this worker, which leaves it alone.")
    finally:
        # The connection of the work may be broken, and is not needed while nothing is to be done.
        connections[DEFAULT_DB_ALIAS].close()
    return True


def _carry_out(job: Job, kind: JobType, lease: Lease, control: JobControl, own: str) -> str:
    """Run the work, write how it ended, and say that in words."""
    foreseen: tuple[type[Exception], ...] = (UserError, *kind.errors)
    ours: tuple[type[Exception], ...] = (LeaseLost, *DATABASE_ERRORS)
    try:
        result = kind.run(job.arguments, control)
        control.flush()
        lease.finish(Job.State.DONE, result=result, using=own)
        return f"is done: {kind.conclude(result)}"
    except Requeued:
        control.flush()
        lease.put_back(using=own)
        return "waits again, because this worker ends."
    except Canceled:
        control.flush()
        lease.finish(Job.State.CANCELLED, using=own)
        return "was cancelled."
    except ours:
        raise
    except foreseen as refusal:
        error = str(refusal)
    except Exception as unforeseen:
        logger.exception("Job %s failed.", job.pk)
        error = (
            f"The work met an error that it has no words for ({type(unforeseen).__name__}). What was done until then "
            "stays. The log of the workers has the details; once that is mended, the job can go on."
        )
    control.flush()
    lease.finish(Job.State.FAILED, error=error.replace("\x00", ""), using=own)
    return f"failed: {error}"
