"""What the address of the list of errors may ask for."""

from collections.abc import Iterable
from typing import Any

from django import forms

from signals.validation_errors.queries import LAST_PAGE, ErrorFilter

MOST = 2**63 - 1


class ErrorFilterForm(forms.Form):
    """A selection of errors; every field may be left out."""

    kind = forms.CharField(label="Kind", required=False, max_length=200, widget=forms.Select)
    trial = forms.RegexField(
        r"(?i)^NCT\d{8}$",
        label="Trial number",
        required=False,
        error_messages={"invalid": "a trial number is NCT and eight digits."},
        widget=forms.TextInput(attrs={"type": "search", "data-key": "/", "size": 14}),
    )
    study = forms.IntegerField(
        label="Study", required=False, min_value=1, max_value=MOST, widget=forms.TextInput(attrs={"size": 8})
    )
    page = forms.IntegerField(required=False, min_value=1, max_value=LAST_PAGE, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def offer_kinds(self, kinds: Iterable[str]) -> None:
        """Offer these kinds to choose from."""
        choices = [("", "any"), *((kind, kind.replace("_", " ")) for kind in kinds)]
        self.fields["kind"].widget = forms.Select(choices=choices)

    def selection(self) -> ErrorFilter:
        """Return the selection. Only on a valid form."""
        chosen = self.cleaned_data
        return ErrorFilter(chosen["kind"], chosen["trial"].upper(), chosen["study"])

    def page_number(self) -> int:
        """Return the page asked for, from 1. Only on a valid form."""
        return self.cleaned_data["page"] or 1
