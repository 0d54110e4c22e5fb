"""What a person who is signed in was answered is kept nowhere: no browser and no proxy shows it after signing out."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

HEADER = "Cache-Control"


class NoStoreMiddleware:
    """Forbids to keep every answer of a view; static files are answered before it, and stay as they are."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and forbid to keep it; what a page says of its own stays beside it."""
        response = self.get_response(request)
        if "no-store" not in response.get(HEADER, ""):
            add_never_cache_headers(response)
        return response
