"""The content security policy: the browser runs and shows nothing that this site has not sent as a file of its own."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"
POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "font", "connect")),
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
# Django's own pages for developers carry their style inside, which no page of this site does.
STYLE_INSIDE = b"<style"


class ContentPolicyMiddleware:
    """Sends the policy with every page but those that Django shows to developers alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with the policy."""
        response = self.get_response(request)
        if not (settings.DEBUG and _is_for_developers(response)):
            response.headers.setdefault(HEADER, POLICY)
        return response


def _is_for_developers(response: HttpResponse) -> bool:
    return response.status_code >= 400 and not response.streaming and STYLE_INSIDE in response.content
