"""What the address of the list of jobs carries."""

from typing import Any

from django import forms

from ncfd_site.jobs.job_types import registered_job_types
from ncfd_site.jobs.queries import LAST_PAGE, STATES, JobFilter


class JobFilterForm(forms.Form):
    """A selection of jobs; every field may be left out."""

    state = forms.ChoiceField(label="State", required=False, choices=STATES.items())
    kind = forms.CharField(label="Work", required=False, max_length=200)
    page = forms.IntegerField(required=False, min_value=1, max_value=LAST_PAGE, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        offered = [("", "any"), *((kind.name, kind.title) for kind in registered_job_types())]
        chosen = self.data.get("kind", "")
        # A kind that this version of the site no longer has still has its jobs.
        if chosen not in dict(offered):
            offered.append((chosen, chosen))
        self.fields["kind"].widget = forms.Select(choices=offered)

    def selection(self) -> JobFilter:
        """Return the selection. Only on a valid form."""
        return JobFilter(self.cleaned_data["state"], self.cleaned_data["kind"])

    def page_number(self) -> int:
        """Return the page asked for, from 1. Only on a valid form."""
        return self.cleaned_data["page"] or 1
