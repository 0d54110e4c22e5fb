"""The registry of job types; each app registers its own in a module `jobs`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ncfd_site.core.progress import ProgressReporter

Json = Mapping[str, Any]
# Procrastinate adds 23 characters for a channel, which PostgreSQL limits to 63 bytes.
LONGEST_NAME = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class JobType:
    """A type of background job: permission, work and texts.

    `run` does the work with the job's arguments and returns the result; it uses the reporter in its own thread only.
    `describe` returns the arguments as a sentence, `conclude` the result; `result_template` shows the result in full.
    One job of an `exclusive` type is open at a time. Jobs of a higher `priority` start first. The text of an exception
    in `errors` is shown to users, as that of a `UserError` is.
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
    errors: tuple[type[Exception], ...] = ()


_registered: dict[str, JobType] = {}


def register(job_type: JobType) -> JobType:
    """Register a job type and return it; raises ValueError when another one has its name, or it is too long."""
    if len(job_type.name) > LONGEST_NAME:
        raise ValueError(f"The name of job type {job_type.name} has more than {LONGEST_NAME} characters.")
    if _registered.setdefault(job_type.name, job_type) is not job_type:
        raise ValueError(f"Two job types have the name {job_type.name}.")
    return job_type


def find_job_type(name: str) -> JobType:
    """Return the job type of a name; raises LookupError when there is none."""
    try:
        return _registered[name]
    except KeyError:
        raise LookupError(f"There is no job type {name}.") from None


def registered_job_types() -> list[JobType]:
    """Return all job types, sorted by title."""
    return sorted(_registered.values(), key=lambda job_type: job_type.title)
