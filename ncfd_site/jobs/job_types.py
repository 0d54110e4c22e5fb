"""The kinds of long work there are; each app names its own in a module `jobs`, which is found when the site starts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ncfd_site.core.progress import ProgressReporter

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobType:
    """One kind of long work: who may start it, what it does, and how it is told to people.

    `run` does the work with the job's arguments, in the thread that it is called in, and returns the result. Its
    control is asked in that thread too. `describe` says the arguments as a sentence, `conclude` the result;
    `result_template` is a template that draws `result` in full. While one job of an `exclusive` kind is open, no other
    of that kind is taken. `errors` are exceptions whose text is a sentence for people, as that of a `Refusal` is.
    """

    name: str
    title: str
    permission: str
    run: Callable[[Json, ProgressReporter], Json]
    describe: Callable[[Json], str]
    conclude: Callable[[Json], str]
    result_template: str = ""
    exclusive: bool = False
    errors: tuple[type[Exception], ...] = ()


_registered: dict[str, JobType] = {}


def register(kind: JobType) -> JobType:
    """Make a kind known, and return it; raises ValueError where another one has its name."""
    if _registered.setdefault(kind.name, kind) is not kind:
        raise ValueError(f"Two kinds of jobs have the name {kind.name}.")
    return kind


def find_job_type(name: str) -> JobType:
    """Return the kind of that name; raises LookupError where there is none."""
    try:
        return _registered[name]
    except KeyError:
        raise LookupError(f"There is no kind of job with the name {name}.") from None


def registered_job_types() -> list[JobType]:
    """Return all kinds, by their titles."""
    return sorted(_registered.values(), key=lambda kind: kind.title)
