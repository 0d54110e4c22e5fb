"""What the address of the list of jobs carries."""

from typing import Any

from django import forms

from ncfd_site.core.lists import ANY, ListForm
from ncfd_site.jobs.job_types import registered_job_types
from ncfd_site.jobs.queries import STATES, JobFilter


class JobFilterForm(ListForm[JobFilter]):
    """The filters of the list of jobs."""

    selection_class = JobFilter

    state = forms.ChoiceField(label="State", required=False, choices=STATES.items())
    kind = forms.CharField(label="Work", required=False, max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("kind", [ANY, *((kind.name, kind.title) for kind in registered_job_types())])
