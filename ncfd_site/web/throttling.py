"""Throttling of sign-in: after too many wrong passwords, a name from an address, or an address, is locked for a while.

django-axes counts the failures in its own tables, which Django's `migrate` creates; `manage.py axes_reset` ends every
lockout. A failure is counted after the lockout is checked, so attempts from one address run one after another: attempts
at the same moment would all pass the same check otherwise.
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

# Colleagues share the address of an office. One password tried with many names is stopped at this many times the limit.
NAMES_PER_ADDRESS = 5
# The length of the column; the sign-in form accepts longer names.
MAX_NAME_LENGTH = 255

# Held until the transaction ends, in which the failure is counted. An attempt takes about half a second.
LOCK_ADDRESS = "SELECT pg_advisory_xact_lock(hashtextextended('signing in from ' || %s, 0))"
SET_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '20s'"
# Seconds of Retry-After if an attempt had to wait too long.
RETRY_SECONDS = 20

Credentials = dict[str, Any] | None


class SignIn(LoginView):
    """The sign-in page. Attempts from one address run one after another."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Check a name and a password; return 429 if earlier attempts from the address take too long."""
        try:
            with transaction.atomic():
                sql.execute(SET_LOCK_TIMEOUT)
                sql.value(LOCK_ADDRESS, [read_address(request) or ""])
                return super().post(request, *args, **kwargs)
        except OperationalError as error:
            if isinstance(error.__cause__, LockNotAvailable):
                return _render_refusal(request, {}, RETRY_SECONDS)
            raise


class ThrottleHandler(AxesDatabaseHandler):
    """Counts failures per name and address, as django-axes does, and per address over all names."""

    def is_locked(self, request: HttpRequest, credentials: Credentials = None) -> bool:
        """Return whether the name from this address, or the address, is locked."""
        return bool(super().is_locked(request, credentials)) or _is_address_locked(request)

    def user_login_failed(self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any) -> None:
        """Count a failure, without storing the user agent."""
        if request is not None:
            request.axes_user_agent = request.axes_http_accept = ""
        super().user_login_failed(sender, credentials, request, **kwargs)
        if request is not None and _is_address_locked(request):
            request.axes_locked_out = True
            request.axes_credentials = credentials


def read_address(request: HttpRequest) -> str | None:
    """Return the client's IP address.

    X-Forwarded-For counts only with TRUST_PROXY: its last entry is the proxy's, the client can write the others.
    """
    found = str(request.META.get("REMOTE_ADDR", ""))
    if settings.TRUST_PROXY:
        found = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip() or found
    try:
        return str(ip_address(found))
    except ValueError:
        return None  # A socket, or a proxy that writes something else: all of them count as one address.


def read_username(request: HttpRequest, credentials: Credentials = None) -> str:
    """Return the submitted username, cut to the length that is stored."""
    return str((credentials or request.POST).get("username") or "")[:MAX_NAME_LENGTH]


def render_lockout(
    request: HttpRequest, response: HttpResponse | None = None, credentials: Credentials = None
) -> HttpResponse:
    """Return 429 with the time when the last failure that counts expires, the same whether or not the user exists."""
    AxesProxyHandler.update_request(request)
    failures = _select_failures_of_address(request)
    if not _is_address_locked(request):
        failures = failures.filter(username=read_username(request, credentials))
    last = failures.aggregate(last=Max("attempt_time"))["last"] or timezone.now()
    until: datetime = last + settings.AXES_COOLOFF_TIME
    context = {"until": until, "minutes": settings.LOGIN_COOL_OFF_MINUTES}
    return _render_refusal(request, context, max(1, math.ceil((until - timezone.now()).total_seconds())))


def _render_refusal(request: HttpRequest, context: dict[str, Any], seconds: int) -> HttpResponse:
    page = render(request, "registration/locked.html", {"title": "Too many attempts", **context}, status=429)
    page["Retry-After"] = str(seconds)
    return page


def _is_address_locked(request: Any) -> bool:
    failures = _select_failures_of_address(request).aggregate(sum=Sum("failures_since_start"))["sum"] or 0
    return int(failures) >= NAMES_PER_ADDRESS * int(settings.LOGIN_ATTEMPTS)


def _select_failures_of_address(request: Any) -> Any:
    return AccessAttempt.objects.filter(
        ip_address=request.axes_ip_address, attempt_time__gt=get_cool_off_threshold(request)
    )
