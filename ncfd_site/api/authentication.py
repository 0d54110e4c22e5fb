"""Authentication and permissions of API operations: a token in the header, or the session of a browser."""

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja.errors import AuthenticationError

from ncfd_site.api.tokens import find_token_user
from ncfd_site.core.permissions import check_permission, current_user
from ncfd_site.postgres.replicas import use_primary

SCHEME = "bearer"


class InvalidTokenError(AuthenticationError):
    """The token of the request is unknown, expired or revoked."""


class _Authentication:
    """A ninja authentication that also requires a permission ("": none), before ninja reads the parameters."""

    openapi_security_schema: dict[str, str] = {}

    def __init__(self, permission: str) -> None:
        self.permission = permission

    def _require_permission(self, user: User) -> User:
        if self.permission:
            check_permission(user, self.permission, "This")
        return user


class TokenAuthentication(_Authentication):
    """A token in the Authorization header. A request with a wrong token fails even with a valid session."""

    openapi_security_schema = {"type": "http", "scheme": SCHEME, "description": "A token from /tokens/."}

    def __call__(self, request: HttpRequest) -> Any:
        """Return the user of the token; None without the header."""
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        # A token works as soon as it is created, and no longer than until it is revoked.
        with use_primary():
            user = find_token_user(token.strip()) if scheme.lower() == SCHEME else None
            if user is None:
                raise InvalidTokenError
            request.user = user
            return self._require_permission(user)


class SessionAuthentication(_Authentication):
    """The session of a signed-in browser."""

    openapi_security_schema = {"type": "apiKey", "in": "cookie", "name": "sessionid"}

    def __call__(self, request: HttpRequest) -> Any:
        """Return the signed-in user, or None."""
        with use_primary():
            return self._require_permission(current_user(request)) if request.user.is_authenticated else None
