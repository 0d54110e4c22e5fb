"""What people send to these pages: filters, and a day."""

from collections.abc import Iterable
from typing import Any

from django import forms

from securities.models import ReviewQueueItem
from securities.queries.sponsor_queue import LAST_PAGE as LAST_QUEUE_PAGE
from signals.companies.listing import LAST_PAGE, LISTED, SORTS, TRIALS, CompanyFilter


class _Filter(forms.Form):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


def _search(label: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "data-key": "/", "size": 24}),
    )


class CompanyFilterForm(_Filter):
    """A selection of companies, as its address carries it; every field may be left out."""

    q = _search("Name, former name, CIK or ticker")
    exchange = forms.CharField(label="Listed on", required=False, max_length=100, widget=forms.Select)
    listed = forms.ChoiceField(label="Listing", required=False, choices=LISTED.items())
    trials = forms.ChoiceField(label="Trials", required=False, choices=TRIALS.items())
    sort = forms.ChoiceField(label="Order", required=False, choices=SORTS.items())
    page = forms.IntegerField(required=False, min_value=1, max_value=LAST_PAGE, widget=forms.HiddenInput)

    def offer_exchanges(self, codes: Iterable[str]) -> None:
        """Offer these exchanges to choose from."""
        self.fields["exchange"].widget = forms.Select(choices=[("", "any"), *((code, code) for code in codes)])

    def selection(self) -> CompanyFilter:
        """Return the selection; what was left out is the default. Only on a valid form."""
        chosen = {name: value for name, value in self.cleaned_data.items() if name != "page" and value}
        return CompanyFilter(**chosen)

    def page_number(self) -> int:
        """Return the page asked for, from 1. Only on a valid form."""
        return self.cleaned_data["page"] or 1


class SponsorFilterForm(_Filter):
    """Which sponsors of the review queue, and of those without company, a person looks for."""

    q = _search("Sponsor or trial number")
    status = forms.ChoiceField(label="Queue", required=False, choices=[("", "any"), *ReviewQueueItem.Status.choices])
    page = forms.IntegerField(required=False, min_value=1, max_value=LAST_QUEUE_PAGE, widget=forms.HiddenInput)


class DayForm(_Filter):
    """The day as of which a ticker is asked for; today where none is given."""

    on = forms.DateField(
        label="Day",
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": "This is no day. Write it as year-month-day, such as 2019-05-02."},
    )
