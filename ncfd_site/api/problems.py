"""Errors of the API: one JSON schema with a message and the part of the request."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import OperationalError, ProgrammingError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from psycopg import errors
from pydantic import Field

from ncfd_site.api.authentication import InvalidTokenError

logger = logging.getLogger(__name__)
# Instead of Pydantic's messages, which name types.
MESSAGES = {
    "date_from_datetime_parsing": "enter a date as 2026-01-31",
    "date_parsing": "enter a date as 2026-01-31",
    "int_parsing": "enter an integer",
    "int_parsing_size": "this number is too large",
    "bool_parsing": "enter true or false",
}
OUTDATED = (errors.UndefinedTable, errors.UndefinedColumn, errors.UndefinedFunction)
RETRY_SECONDS = "10"
REALM = 'Bearer realm="ncfd"'


class Problem(Schema):
    """An error."""

    detail: str = Field(description="The error in one sentence.")
    where: str | None = Field(None, description="The parameter or header; null for the whole request.")


class BadRequest(Exception):
    """The request is invalid; `where` names the parameter."""

    def __init__(self, detail: str, where: str | None = None) -> None:
        super().__init__(detail)
        self.where = where


def problem(status: int, detail: str, where: str | None = None) -> HttpResponse:
    """Return an error response."""
    response = JsonResponse({"detail": detail, "where": where}, status=status)
    if status == 503:
        response["Retry-After"] = RETRY_SECONDS
    if status == 401:
        response["WWW-Authenticate"] = REALM
    return response


def register_handlers(api: NinjaAPI) -> None:
    """Register the handlers of all exceptions."""
    for kind, handler in _HANDLERS.items():
        api.add_exception_handler(kind, handler)


def _respond_to_invalid_request(request: HttpRequest, found: ValidationError) -> HttpResponse:
    first: Mapping[str, Any] = found.errors[0] if found.errors else {}
    where = str(first["loc"][-1]) if first.get("loc") else None
    words = MESSAGES.get(str(first.get("type")), str(first.get("msg", "is invalid")))
    words = words.removeprefix("Value error, ")
    return problem(400, f"{where or 'The request'}: {words[:1].lower()}{words[1:].rstrip('.')}.", where)


def _respond_to_failure(request: HttpRequest, found: Exception) -> HttpResponse:
    logger.error("The API failed at %s", request.path, exc_info=found)
    if isinstance(found, OperationalError):
        return problem(503, "The database does not respond, or took too long. Try again later.")
    if isinstance(found, ProgrammingError) and isinstance(found.__cause__, OUTDATED):
        return problem(503, "The database lacks a table or function of this version. Run manage.py migrate_alembic.")
    return problem(500, "The server failed. The error is logged; try again later.")


def _respond_to_missing_authentication(request: HttpRequest, found: AuthenticationError) -> HttpResponse:
    if isinstance(found, InvalidTokenError):
        return problem(401, "This token is unknown, expired or revoked. Create one at /tokens/.", "Authorization")
    return problem(401, "Send a token as Authorization: Bearer ncfd_…, or sign in. Create a token at /tokens/.")


_HANDLERS: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
    AuthenticationError: _respond_to_missing_authentication,
    InvalidTokenError: _respond_to_missing_authentication,
    BadRequest: lambda request, found: problem(400, str(found), found.where),
    PermissionDenied: lambda request, found: problem(403, str(found)),
    Http404: lambda request, found: problem(404, str(found) or "There is nothing at this address."),
    HttpError: lambda request, found: problem(found.status_code, str(found)),
    ValidationError: _respond_to_invalid_request,
    Exception: _respond_to_failure,
}
