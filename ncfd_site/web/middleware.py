"""Middleware of every page: content security policy, caching, sign-in, and the site's own error pages."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import middleware as auth
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers
from django.views.defaults import page_not_found

from ncfd_site.web.health import render_problem

POLICY_HEADER = "Content-Security-Policy"
POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "font", "connect")),
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
# Only Django's debug pages contain styles.
INLINE_STYLE = b"<style"
NOT_FOUND = 404

GetResponse = Callable[[HttpRequest], HttpResponse]


class ResponseHeadersMiddleware:
    """Sends the content security policy, and forbids caching, so that no page is visible after signing out.

    Static files are served before it. Django's debug pages have no policy.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the response with the policy, and with `no-store` added to its own directives."""
        response = self.get_response(request)
        if "no-store" not in response.get("Cache-Control", ""):
            add_never_cache_headers(response)
        is_debug_page = settings.DEBUG and response.status_code >= 400 and not response.streaming
        if not (is_debug_page and INLINE_STYLE in response.content):
            response.headers.setdefault(POLICY_HEADER, POLICY)
        return response


class LoginRequiredMiddleware(auth.LoginRequiredMiddleware):
    """Django's middleware, without reading the session for exempt views.

    `/healthz` answers without the database, also in a browser with a session.
    """

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        """Redirect anonymous users to the sign-in page if the view requires a user."""
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)


class ErrorPageMiddleware:
    """Shows the site's own 404 and 503 pages in development too, where Django would list URL patterns or a trace."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the site's page for a URL without a view."""
        response = self.get_response(request)
        if settings.DEBUG and response.status_code == NOT_FOUND and request.resolver_match is None:
            return page_not_found(request, Http404())
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the site's page for a view that raised `Http404`, or failed on a database that is not at head."""
        if not settings.DEBUG:
            return None
        return page_not_found(request, exception) if isinstance(exception, Http404) else render_problem(exception)
