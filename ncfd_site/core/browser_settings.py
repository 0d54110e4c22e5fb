"""Settings of a user in one browser: JSON in a signed cookie, which outlasts the session."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from ncfd_site.core.permissions import current_user

MAX_AGE = timedelta(days=365)


def read_browser_setting(request: HttpRequest, name: str) -> Any:
    """Return a setting of the signed-in user; None without a valid cookie."""
    try:
        return signing.loads(request.COOKIES.get(_build_cookie_name(request, name), ""), salt=name, max_age=MAX_AGE)
    except signing.BadSignature:
        return None


def write_browser_setting(request: HttpRequest, response: HttpResponse, name: str, value: Any) -> None:
    """Keep a setting of the signed-in user in the browser; `value` is JSON."""
    response.set_cookie(
        _build_cookie_name(request, name),
        signing.dumps(value, salt=name),
        max_age=MAX_AGE,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def _build_cookie_name(request: HttpRequest, name: str) -> str:
    return f"{name}_{current_user(request).pk}"
