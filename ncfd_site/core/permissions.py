"""Access to pages of data."""

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
Response = TypeVar("Response", bound=HttpResponseBase)
View = Callable[Concatenate[HttpRequest, Arguments], Response]
Page = Callable[..., Response]


def require_permission(permission: str = "") -> Callable[[View[Arguments, Response]], Page[Response]]:
    """Return a decorator for views of signed-in users with a permission ("": of all signed-in users).

    The view sends `Cache-Control: no-store`, and raises PermissionDenied with a sentence that names the permission.
    """

    def decorate(view: View[Arguments, Response]) -> Page[Response]:
        @wraps(view)
        def page(request: HttpRequest, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Response:
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
    """Return the signed-in user of a page that requires one."""
    return cast(User, request.user)
