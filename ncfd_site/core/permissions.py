"""What every page of data has in common: who may open it, and that no copy of it is kept."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer", bound=HttpResponseBase)
View = Callable[Concatenate[HttpRequest, Arguments], Answer]
Page = Callable[..., Answer]


def require_permission(permission: str = "") -> Callable[[View[Arguments, Answer]], Page[Answer]]:
    """Make a view a page of data: for people who are signed in and have `permission` ("": for all of them).

    Answers `Cache-Control: no-store`, so that nothing stays behind in a browser after signing out. Raises
    PermissionDenied with a sentence that names what is missing.
    """

    def decorate(view: View[Arguments, Answer]) -> Page[Answer]:
        @wraps(view)
        def page(request: HttpRequest, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
            user = current_user(request)
            if permission:
                check_permission(user, permission, "This page")
            return view(request, *args, **kwargs)

        return never_cache(login_required(page))

    return decorate


def check_permission(user: User, permission: str, action: str) -> None:
    """Raise PermissionDenied if the user may not do `action`, such as "Labeling links"."""
    if not user.has_perm(permission):
        raise PermissionDenied(describe_missing_permission(user, permission, action))


def describe_missing_permission(user: User, permission: str, action: str) -> str:
    """Return the sentence of `check_permission`."""
    return f"{action} needs the permission {permission}, which {user.get_username()} does not have."


def current_user(request: HttpRequest) -> User:
    """Return who is signed in; only on a page that asks for it."""
    return cast(User, request.user)
