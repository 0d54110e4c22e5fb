"""The list of jobs: its filters and pages."""

from dataclasses import dataclass
from typing import Any

from django import forms

from ncfd_site.core.lists import ANY, ListForm, ListPage, Selection, read_page
from ncfd_site.jobs.engine import OPEN, is_held
from ncfd_site.jobs.job_types import registered_job_types
from ncfd_site.jobs.models import Job

STATES = {"": "any", "open": "waiting or running", **{str(state): str(state.label) for state in Job.State}}


@dataclass(frozen=True, slots=True)
class JobFilter(Selection):
    """A selection of jobs; "" is any."""

    state: str = ""
    kind: str = ""


def read_job_page(selection: JobFilter, number: int) -> ListPage[Job]:
    """Read a page of a selection, newest first."""
    jobs = Job.objects.order_by("-pk").defer("checkpoint").annotate(is_held=is_held())  # type: ignore[no-redef]
    if selection.state:
        jobs = jobs.filter(state__in=OPEN if selection.state == "open" else [selection.state])
    return read_page(jobs.filter(kind=selection.kind) if selection.kind else jobs, number)


class JobFilterForm(ListForm[JobFilter]):
    """The filters of the list of jobs."""

    selection_class = JobFilter

    state = forms.ChoiceField(label="State", required=False, choices=STATES.items())
    kind = forms.CharField(label="Work", required=False, max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("kind", [ANY, *((kind.name, kind.title) for kind in registered_job_types())])
