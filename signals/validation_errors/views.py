"""The page of validation errors."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ncfd_site.core.permissions import require_permission
from signals.validation_errors import queries
from signals.validation_errors.queries import ErrorFilterForm

VIEW = "signals.view_stagingerror"


@require_safe
@require_permission(VIEW)
def errors(request: HttpRequest) -> HttpResponse:
    """List validation errors, newest first."""
    form = ErrorFilterForm(request.GET, kinds=queries.kinds())
    selection = form.get_selection() if form.is_valid() else None
    context = {
        "title": "Validation errors",
        "form": form,
        "selection": selection,
        "page": queries.error_page(selection, form.get_page_number()) if selection else None,
    }
    return render(request, "validation_errors/errors.html", context, status=200 if selection else 400)
