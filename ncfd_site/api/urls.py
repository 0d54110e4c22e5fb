"""URLs of the API and of the pages around it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import conditional_page
from django.views.decorators.vary import vary_on_headers

from ncfd_site.api import views
from ncfd_site.api.problems import problem
from ncfd_site.api.v1 import api

METHODS = ("GET", "HEAD")
View = Callable[..., HttpResponse]


def api_view(view: View) -> View:
    """Return a view of ninja's with HEAD, ETags and JSON for a wrong method; it authenticates by itself."""
    answer = vary_on_headers("Authorization", "Cookie")(conditional_page(view))

    @wraps(view)
    def api_answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method not in METHODS:
            response = problem(405, f"The API is read-only. Use {' or '.join(METHODS)}, not {request.method}.")
            response["Allow"] = ", ".join(METHODS)
            return response
        if "\x00" in request.path or any("\x00" in text for _, texts in request.GET.lists() for text in texts):
            return problem(400, "The address contains a NUL character. Remove it.")
        # Ninja routes GET only; the server omits the body of an answer to HEAD.
        method, request.method = request.method, "GET"
        try:
            return answer(request, *args, **kwargs)
        finally:
            request.method = method

    # Programs get an answer instead of the sign-in form; nothing here writes.
    api_answer.login_required = False  # type: ignore[attr-defined]
    api_answer.reads_replica = True  # type: ignore[attr-defined]
    api_answer.csrf_exempt = True  # type: ignore[attr-defined]
    return api_answer


_operations, _, _namespace = api.urls
_resources = []
for pattern in _operations:
    # The site has its own page at the root.
    if isinstance(pattern, URLPattern) and str(pattern.pattern):
        pattern.callback = api_view(pattern.callback)
        _resources.append(pattern)

urlpatterns = [
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/<int:token_id>/revoke/", views.revoke, name="revoke_token"),
    path("api/v1/", views.operations, name="api"),
    path("api/v1/", (_resources, "ninja", _namespace)),
]
