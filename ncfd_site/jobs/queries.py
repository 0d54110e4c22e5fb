"""Which jobs a person is looking at."""

from dataclasses import dataclass

from django.db.models import QuerySet

from ncfd_site.core.paging import ListPage, page_of
from ncfd_site.core.selection import Selection
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.queue import OPEN

PAGE_SIZE = 50
# An offset is read through by the server: past this page a narrower filter is quicker than more pages.
LAST_PAGE = 200

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
    """Return page `number` (from 1, at most LAST_PAGE) of a selection."""
    number = min(max(number, 1), LAST_PAGE)
    start = (number - 1) * PAGE_SIZE
    found = list(selected_jobs(selection).defer("checkpoint")[start : start + PAGE_SIZE + 1])
    return page_of(found, number, PAGE_SIZE, LAST_PAGE)
