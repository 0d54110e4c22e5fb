"""The filter of the list of validation errors."""

from collections.abc import Iterable
from typing import Any

from django import forms

from ncfd_site.core.formatting import humanize_name
from ncfd_site.core.lists import ANY, ListForm
from signals.validation_errors.queries import ErrorFilter

MOST = 2**63 - 1


class ErrorFilterForm(ListForm[ErrorFilter]):
    """The filters of the list of validation errors."""

    selection_class = ErrorFilter

    kind = forms.CharField(label="Kind", required=False, max_length=200)
    trial = forms.RegexField(
        r"(?i)^NCT\d{8}$",
        label="NCT ID",
        required=False,
        error_messages={"invalid": "An NCT ID is NCT and eight digits."},
        widget=forms.TextInput(attrs={"type": "search", "data-key": "/", "size": 14}),
    )
    study = forms.IntegerField(
        label="Study", required=False, min_value=1, max_value=MOST, widget=forms.TextInput(attrs={"size": 8})
    )

    def __init__(self, *args: Any, kinds: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("kind", [ANY, *((kind, humanize_name(kind)) for kind in kinds)])

    def clean_trial(self) -> str:
        """Return the number in capitals."""
        return str(self.cleaned_data["trial"]).upper()
