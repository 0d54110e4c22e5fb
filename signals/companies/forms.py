"""Forms of the company pages: filters, and a date."""

from collections.abc import Iterable
from typing import Any

from django import forms

from ncfd_site.core.lists import ANY, ListForm, make_search_field
from securities.models import ReviewQueueItem
from signals.companies.listing import LISTED, SORTS, TRIALS, CompanyFilter, SponsorFilter


class CompanyFilterForm(ListForm[CompanyFilter]):
    """The filters and the order of the list of companies."""

    selection_class = CompanyFilter

    q = make_search_field("Name, former name, CIK or ticker")
    exchange = forms.CharField(label="Listed on", required=False, max_length=100)
    listed = forms.ChoiceField(label="Listing", required=False, choices=LISTED.items())
    trials = forms.ChoiceField(label="Trials", required=False, choices=TRIALS.items())
    sort = forms.ChoiceField(label="Order", required=False, choices=SORTS.items())

    def __init__(self, *args: Any, exchanges: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("exchange", [ANY, *((code, code) for code in exchanges)])


class SponsorFilterForm(ListForm[SponsorFilter]):
    """The filters of the sponsors in the review queue and of those without a company."""

    selection_class = SponsorFilter

    q = make_search_field("Sponsor or NCT ID")
    status = forms.ChoiceField(label="Queue", required=False, choices=[ANY, *ReviewQueueItem.Status.choices])


class DayForm(forms.Form):
    """The day as of which a ticker is asked for; today where none is given."""

    on = forms.DateField(
        label="Day",
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": "Enter a date as YYYY-MM-DD, such as 2019-05-02."},
    )
