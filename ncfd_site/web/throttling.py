"""Signing in is refused for a while after too many wrong passwords: for a name from an address, and for an address.

django-axes counts the failures, in tables of its own that Django's `migrate` makes. `manage.py axes_reset` forgets
them all, which ends every lock. A password is tried after the failures were counted and before it is one itself, so
the attempts from one address take turns: else all of one moment would be let through by the same count.
"""

import math
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from axes.attempts import get_cool_off_threshold  # type: ignore[import-untyped]
from axes.handlers.database import AxesDatabaseHandler  # type: ignore[import-untyped]
from axes.handlers.proxy import AxesProxyHandler  # type: ignore[import-untyped]
from axes.models import AccessAttempt  # type: ignore[import-untyped]
from django.conf import settings
from django.contrib.auth.views import LoginView
from django.db import OperationalError, transaction
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from psycopg.errors import LockNotAvailable

from ncfd_site.core import sql

# Colleagues share the address of an office; somebody who tries one password with many names does not stop at this many.
NAMES_OF_AN_ADDRESS = 5
# The column of names takes so much; the form of the sign-in page lets longer ones through.
LONGEST_NAME = 255

# Held to the end of the transaction, in which the failure is counted. An attempt takes about half a second.
TURN = "SELECT pg_advisory_xact_lock(hashtextextended('signing in from ' || %s, 0))"
PATIENCE = "SET LOCAL lock_timeout = '20s'"
# Seconds after which somebody whose turn did not come may try again.
WAIT_FOR_A_TURN = 20

Credentials = dict[str, Any] | None


class SignIn(LoginView):
    """The page to sign in; one attempt after another of those from one address."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Try a name and a password when it is their turn; answer 429 where that takes too long."""
        try:
            with transaction.atomic():
                sql.execute(PATIENCE)
                sql.value(TURN, [address_of(request) or ""])
                return super().post(request, *args, **kwargs)
        except OperationalError as error:
            if isinstance(error.__cause__, LockNotAvailable):
                return _refuse(request, {}, WAIT_FOR_A_TURN)
            raise


class Throttle(AxesDatabaseHandler):
    """Counts for each name and address, as django-axes does, and over all names of an address."""

    def is_locked(self, request: HttpRequest, credentials: Credentials = None) -> bool:
        """Whether no password is tried now for this name from this address."""
        return bool(super().is_locked(request, credentials)) or _is_address_locked(request)

    def user_login_failed(self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any) -> None:
        """Count a failure; what a browser tells of itself is not kept."""
        if request is not None:
            request.axes_user_agent = request.axes_http_accept = ""
        super().user_login_failed(sender, credentials, request, **kwargs)
        if request is not None and _is_address_locked(request):
            request.axes_locked_out = True
            request.axes_credentials = credentials


def address_of(request: HttpRequest) -> str | None:
    """Return the address that a request comes from.

    What a caller writes into X-Forwarded-For is believed only where TRUST_PROXY says that a proxy is in front: that
    one's own entry is the last of the list, and the others are whatever the caller sent.
    """
    found = str(request.META.get("REMOTE_ADDR", ""))
    if settings.TRUST_PROXY:
        found = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip() or found
    try:
        return str(ip_address(found))
    except ValueError:
        return None  # A socket, or a proxy that writes something else: all of them count as one.


def name_of(request: HttpRequest, credentials: Credentials = None) -> str:
    """Return the name that somebody tries, as far as it is kept."""
    return str((credentials or request.POST).get("username") or "")[:LONGEST_NAME]


def refusal(
    request: HttpRequest, response: HttpResponse | None = None, credentials: Credentials = None
) -> HttpResponse:
    """Answer 429 with a page that says until when; it is the same whether or not there is somebody of that name."""
    until = _locked_until(request, credentials)
    context = {"until": until, "minutes": settings.LOGIN_COOL_OFF_MINUTES}
    return _refuse(request, context, max(1, math.ceil((until - timezone.now()).total_seconds())))


def _refuse(request: HttpRequest, context: dict[str, Any], seconds: int) -> HttpResponse:
    page = render(request, "registration/locked.html", {"title": "Too many attempts", **context}, status=429)
    page["Retry-After"] = str(seconds)
    return page


def _is_address_locked(request: Any) -> bool:
    failures = _failures_of_address(request).aggregate(sum=Sum("failures_since_start"))["sum"] or 0
    return int(failures) >= NAMES_OF_AN_ADDRESS * int(settings.LOGIN_ATTEMPTS)


def _failures_of_address(request: Any) -> Any:
    return AccessAttempt.objects.filter(
        ip_address=request.axes_ip_address, attempt_time__gt=get_cool_off_threshold(request)
    )


def _locked_until(request: Any, credentials: Credentials) -> datetime:
    """When the last failure that counts here is forgotten; nothing that is tried in between puts it off."""
    AxesProxyHandler.update_request(request)
    failures = _failures_of_address(request)
    if not _is_address_locked(request):
        failures = failures.filter(username=name_of(request, credentials))
    last = failures.aggregate(last=Max("attempt_time"))["last"] or timezone.now()
    return last + settings.AXES_COOLOFF_TIME
