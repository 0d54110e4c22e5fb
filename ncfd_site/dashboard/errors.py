"""The list of what failed its validation, each beside the card and what it lacks."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ncfd_site.dashboard import staging
from ncfd_site.dashboard.forms import ErrorFilterForm
from ncfd_site.pages import data_page

VIEW = "signals.view_stagingerror"


@require_safe
@data_page(VIEW)
def errors(request: HttpRequest) -> HttpResponse:
    """List what failed, newest first; a filter that cannot be read is a page that says so."""
    form = ErrorFilterForm(request.GET)
    form.offer_kinds(staging.kinds())
    selection = form.selection() if form.is_valid() else None
    context = {
        "title": "Failed validations",
        "form": form,
        "selection": selection,
        "page": staging.error_page(selection, form.page_number()) if selection else None,
    }
    return render(request, "dashboard/errors.html", context, status=200 if selection else 400)
