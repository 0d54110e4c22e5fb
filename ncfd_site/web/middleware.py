"""Middleware of every page: content security policy, caching, sign-in, and the site's own error pages."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import middleware as auth
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template import loader
from django.urls import Resolver404, resolve
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
NOT_FOUND, NOT_ALLOWED = 404, 405

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

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        """Redirect to the sign-in page, which leads to the page; for a button, to the page that has the button."""
        if request.method in ("GET", "HEAD"):
            return super().handle_no_permission(request, view_func)
        messages.warning(request, "You were signed out, and nothing was changed. Sign in, and press the button again.")
        try:
            source = urlsplit(request.headers.get("Referer", ""))
        except ValueError:
            source = urlsplit("")
        page = source._replace(scheme="", netloc="").geturl() if source.netloc == request.get_host() else ""
        return redirect_to_login(page or find_page_above(request.path))


def find_page_above(path: str) -> str:
    """Return the nearest address above a path that has a page."""
    while parent := path.rstrip("/").rpartition("/")[0]:
        path = f"{parent}/"
        try:
            match = resolve(path)
        except Resolver404:
            continue
        # The admin resolves every address; a name with a slash comes from two parts of the path.
        if match.url_name and not any("/" in str(value) for value in match.kwargs.values()):
            return path
    return "/"


class ErrorPageMiddleware:
    """Shows the site's own page for a method that is not allowed, where Django's is empty.

    In development, also its 404 and 503 pages, where Django would list URL patterns or a trace.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the site's page for a URL without a view, or for a method without a page."""
        response = self.get_response(request)
        if response.status_code == NOT_ALLOWED and not response.content:
            context = {"method": request.method, "path": request.path, "page": find_page_above(request.path)}
            response.content = loader.render_to_string("405.html", context)
        if settings.DEBUG and response.status_code == NOT_FOUND and request.resolver_match is None:
            return page_not_found(request, Http404())
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the site's page for a view that raised `Http404`, or failed on a database that is not at head."""
        if not settings.DEBUG:
            return None
        return page_not_found(request, exception) if isinstance(exception, Http404) else render_problem(exception)
