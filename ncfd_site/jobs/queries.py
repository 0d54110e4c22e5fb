"""Which jobs a person is looking at."""

from dataclasses import dataclass

from django.db.models import QuerySet

from ncfd_site.core.lists import ListPage, Selection, read_page
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.queue import OPEN

STATES = {"": "any", "open": "waiting or running", **{str(state): str(state.label) for state in Job.State}}


@dataclass(frozen=True, slots=True)
class JobFilter(Selection):
    """A selection of jobs; "" is any."""

    state: str = ""
    kind: str = ""


def selected_jobs(selection: JobFilter) -> QuerySet[Job]:
    """Return the jobs of a selection, newest first."""
    jobs = Job.objects.order_by("-pk")
    if selection.state:
        jobs = jobs.filter(state__in=OPEN if selection.state == "open" else [selection.state])
    return jobs.filter(kind=selection.kind) if selection.kind else jobs


def job_page(selection: JobFilter, number: int) -> ListPage[Job]:
    """Read a page of a selection."""
    return read_page(selected_jobs(selection).defer("checkpoint"), number)
