"""The page of validation errors and its filters."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ncfd_site.core.formatting import humanize_name
from ncfd_site.core.lists import ANY, ListForm
from ncfd_site.core.permissions import require_permission
from signals.validation_errors import queries
from signals.validation_errors.queries import ErrorFilter

VIEW = "signals.view_stagingerror"
MAX_KEY = 2**63 - 1


class ErrorFilterForm(ListForm[ErrorFilter]):
    """The filters of the list of validation errors."""

    selection_class = ErrorFilter

    kind = forms.CharField(label="Kind", required=False, max_length=200)
    trial = forms.RegexField(
        r"(?i)^NCT\d{8}$",
        label="NCT ID",
        required=False,
        error_messages={"invalid": "An NCT ID is NCT and eight digits."},
        widget=forms.TextInput(attrs={"type": "search", "data-key": "f", "size": 14}),
    )
    study = forms.IntegerField(
        label="Study", required=False, min_value=1, max_value=MAX_KEY, widget=forms.TextInput(attrs={"size": 8})
    )

    def __init__(self, *args: Any, kinds: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("kind", [ANY, *((kind, humanize_name(kind)) for kind in kinds)])

    def clean_trial(self) -> str:
        """Return the number in capitals."""
        return str(self.cleaned_data["trial"]).upper()


@require_safe
@require_permission(VIEW)
def errors(request: HttpRequest) -> HttpResponse:
    """List validation errors, newest first."""
    form = ErrorFilterForm(request.GET, kinds=queries.list_kinds())
    selection = form.get_selection() if form.is_valid() else None
    context = {
        "title": "Validation errors",
        "form": form,
        "selection": selection,
        "page": queries.load_error_page(selection, form.get_page_number()) if selection else None,
    }
    return render(request, "validation_errors/errors.html", context, status=200 if selection else 400)
