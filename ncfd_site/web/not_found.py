"""What is not there is told on the page of this site in development too, where Django would list its addresses.

A mistyped ticker is no fault of the code: who looks at a demonstration is told what people are told elsewhere.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.defaults import page_not_found

NOT_FOUND = 404


class NotFoundMiddleware:
    """Answers with the site's own page where DEBUG is on; elsewhere Django does so by itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, also where no view has this address."""
        response = self.get_response(request)
        if settings.DEBUG and response.status_code == NOT_FOUND and request.resolver_match is None:
            return page_not_found(request, Http404())
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer where a view has found nothing."""
        if settings.DEBUG and isinstance(exception, Http404):
            return page_not_found(request, exception)
        return None
