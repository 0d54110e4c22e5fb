"""Middleware that runs views on a read replica, or on the primary where that is required or the replica fails."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import Error
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ncfd_site.postgres import replicas

SAFE = ("GET", "HEAD")
# Position of the last write of a browser. No replica is used that is more seconds behind than the cookie lives.
COOKIE = "ncfd_position"
# For logs of a proxy.
HEADER = "X-Database"
UNAVAILABLE = 503

View = Callable[..., HttpResponseBase]


class ReplicaMiddleware:
    """Runs the view of GET and HEAD on a replica that has replayed the last write of the browser.

    Session, user and permissions are read from the primary: what is revoked ends at once. A view that fails on the
    replica, for a lost connection, a conflict with recovery or a write, runs again on the primary.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.REPLICAS:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response, after a write with a cookie of its position."""
        response = self.get_response(request)
        response[HEADER] = getattr(request, "database", "primary")
        # Without the primary, nothing was written, and asking it again would take as long as before.
        if request.method not in SAFE and response.status_code != UNAVAILABLE:
            with suppress(Error):
                response.set_signed_cookie(
                    COOKIE,
                    str(replicas.read_last_write()),
                    max_age=settings.REPLICA_MAX_LAG_SECONDS + 1,
                    secure=settings.SESSION_COOKIE_SECURE,
                    httponly=True,
                    samesite="Lax",
                )
        return response

    def process_view(
        self, request: HttpRequest, view: View, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Return the response that a replica gives, None to run the view on the primary."""
        if not _can_read_replica(request, view):
            return None
        replica = replicas.find_replica(_read_position(request))
        if replica is None:
            return None

        def read() -> HttpResponseBase:
            response = view(request, *arguments, **keywords)
            render = getattr(response, "render", None)
            return render() if callable(render) else response

        request.database = replica.alias  # type: ignore[attr-defined]
        response = replicas.read_from(replica, read)
        if response is None:
            request.database = "primary"  # type: ignore[attr-defined]
        return response


def _can_read_replica(request: HttpRequest, view: View) -> bool:
    """Return whether the view may read a replica; reads the permissions of a signed-in user."""
    # A program that writes elsewhere and reads here asks for the primary.
    if request.method not in SAFE or "no-cache" in request.headers.get("Cache-Control", ""):
        return False
    reads_replica = getattr(view, "reads_replica", None)
    if reads_replica is None:
        reads_replica = getattr(view, "login_required", True)
        if reads_replica and not request.user.is_superuser:
            request.user.get_all_permissions()
    return bool(reads_replica)


def _read_position(request: HttpRequest) -> int:
    found = request.get_signed_cookie(COOKIE, default="", max_age=settings.REPLICA_MAX_LAG_SECONDS + 1)
    return int(found or 0)
