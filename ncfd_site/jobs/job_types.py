"""The registry of job types; each app registers its own in a module `jobs`."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ncfd_site.core.progress import ProgressReporter
from ncfd_site.core.registry import Registry

if TYPE_CHECKING:
    from ncfd_site.jobs.models import Job

Json = Mapping[str, Any]
logger = logging.getLogger(__name__)
# Procrastinate adds 23 characters for a channel, which PostgreSQL limits to 63 bytes.
LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Schedule:
    """Periodic work by default: off until an operator switches it on. `name` is unique; `cron` is in UTC."""

    name: str
    cron: str
    arguments: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobType:
    """A type of background job: permission, work and texts.

    `run` does the work with the job's arguments and returns the result; it uses the reporter in its own thread only.
    `describe` returns the arguments as a sentence, `conclude` the result; `result_template` shows the result in full.
    One job of an `exclusive` type is open at a time. Jobs of a higher `priority` start first. The text of an exception
    in `errors` is shown to users, as that of a `UserError` is. `run_part` computes the result of a part that `run` made
    with `ncfd_site.jobs.parts.run_parts`, in any worker.
    """

    name: str
    title: str
    permission: str
    run: Callable[[Json, ProgressReporter], Json]
    describe: Callable[[Json], str]
    conclude: Callable[[Json], str]
    result_template: str = ""
    exclusive: bool = False
    priority: int = 0
    schedules: tuple[Schedule, ...] = ()
    errors: tuple[type[Exception], ...] = ()
    run_part: Callable[[Json], Json] | None = None


_registry = Registry[JobType]("job type", "jobs", lambda job_type: job_type.name)
find_job_type = _registry.find


def register(job_type: JobType) -> JobType:
    """Register a job type and return it; raises ValueError when another one has its name, or it is too long."""
    if len(job_type.name) > LONGEST_NAME:
        raise ValueError(f"The name of job type {job_type.name} has more than {LONGEST_NAME} characters.")
    return _registry.register(job_type)


def registered_job_types() -> list[JobType]:
    """Return all job types, sorted by title."""
    return sorted(_registry.items().values(), key=lambda job_type: job_type.title)


# Called with each job that failed, after that is written.
failure_listeners: list[Callable[["Job"], None]] = []


def on_failure(listener: Callable[["Job"], None]) -> Callable[["Job"], None]:
    """Register a function that is called with each job that failed, as a decorator in a module `jobs` of an app.

    `job.schedule` is set for a run of a schedule. The worker logs an error of the listener, and goes on.
    """
    failure_listeners.append(listener)
    return listener


def report_failure(job: "Job") -> None:
    """Call the listeners."""
    for listener in failure_listeners:
        # Broad: a listener that fails must not disturb the worker.
        try:
            listener(job)
        except Exception:
            logger.exception("A listener of failed jobs failed on job %s.", job.pk)
