"""Every page asks who is there, but for those that say they do not need to."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class SignedInMiddleware(LoginRequiredMiddleware):
    """Looks at the page first and at the person after that.

    Django's own looks at the person first, for which it reads the session: then a browser in which somebody is signed
    in gets no answer from `/healthz` when the database is away.
    """

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        """Send strangers to the sign-in page, where the view wants somebody."""
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)
