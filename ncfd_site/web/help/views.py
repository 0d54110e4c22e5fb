"""The pages of the help."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from ncfd_site.core.permissions import require_permission
from ncfd_site.web.help import documents
from ncfd_site.web.help.shortcuts import find_groups
from ncfd_site.web.help.tour import dismiss_tour

# Shown first, and the docs of the README; the others are reached from these.
GUIDES = ("trials", "scoring", "review", "precision", "content", "loading", "analytics", "api")


@require_safe
@require_permission()
def index(request: HttpRequest) -> HttpResponse:
    """Show what the help has."""
    guides = [(name, documents.render_document(name).title) for name in GUIDES]
    return render(request, "help/index.html", {"title": "Help", "guides": guides})


@require_safe
@require_permission()
def document(request: HttpRequest, name: str) -> HttpResponse:
    """Show a doc of the project; the glossary is the list of all terms."""
    try:
        page = documents.render_document(name)
    except KeyError:
        raise Http404("There is no help page with this name.") from None
    context = {"title": page.title, "page": page}
    if name == documents.GLOSSARY:
        return render(request, "help/glossary.html", context | {"terms": documents.list_terms()})
    return render(request, "help/document.html", context)


@require_safe
@require_permission()
def image(request: HttpRequest, name: str) -> FileResponse:
    """Send a picture of the docs."""
    path = documents.FOLDER / f"{name}.png"
    if path not in documents.FOLDER.glob("*.png"):
        raise Http404("There is no picture with this name.")
    return FileResponse(path.open("rb"), content_type="image/png")


@require_safe
@require_permission()
def shortcuts(request: HttpRequest) -> HttpResponse:
    """List the keyboard shortcuts; with `panel`, for the dialog that the key ? opens."""
    context = {"title": "Keyboard shortcuts", "groups": find_groups(request)}
    return render(request, f"help/{'keys' if 'panel' in request.GET else 'shortcuts'}.html", context)


@require_POST
@require_permission()
def end_tour(request: HttpRequest) -> HttpResponse:
    """Dismiss the tour of the first visit."""
    response = redirect("home")
    dismiss_tour(request, response)
    return response
