"""Declaration of API operations: permissions, parameters and answers."""

import inspect
import math
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, TypeVar, get_args

from django.http import HttpRequest
from ninja import Path, Router, Schema
from pydantic import BeforeValidator, Field, StringConstraints

from ncfd_site.api import keyset
from ncfd_site.api.authentication import SessionAuthentication, TokenAuthentication
from ncfd_site.api.problems import BadRequest, Problem

Function = TypeVar("Function", bound=Callable[..., Any])
LARGEST = 2**63 - 1
LARGEST_KEY = 2**31 - 1


def _drop_non_finite(value: Any) -> float | None:
    # JSON has no word for what PostgreSQL calls NaN and Infinity.
    number = None if value is None else float(value)
    return number if number is not None and math.isfinite(number) else None


# A number with the digits of its column, or null where it is unknown.
Number = Annotated[float | None, BeforeValidator(_drop_non_finite)]
Key = Annotated[int, Path(ge=1, le=LARGEST)]
SmallKey = Annotated[int, Path(ge=1, le=LARGEST_KEY)]
Word = Annotated[str, StringConstraints(max_length=200)]


_routers: list[tuple[int, Router]] = []


def register_router(tag: str, position: int) -> Router:
    """Make a router and register it; the API lists its operations in the order of the positions."""
    router = Router(tags=[tag])
    _routers.append((position, router))
    return router


def registered_routers() -> list[Router]:
    """Return all routers, in order."""
    return [router for _, router in sorted(_routers, key=lambda one: one[0])]


class Page(Schema):
    """A page of a list."""

    next: str | None = Field(description="Address of the next page; null on the last page.")


class ListParams(Schema):
    """Parameters of every list."""

    limit: int = Field(keyset.USUAL, ge=keyset.LEAST, le=keyset.MOST, description="Maximum number of items.")
    cursor: Annotated[str, StringConstraints(max_length=2000)] | None = Field(
        None, description="Position to continue from; see next of the previous page."
    )


def pick(row: Any, names: str) -> dict[str, Any]:
    """Return the attributes of a row whose names are in a space-separated list."""
    return {name: getattr(row, name) for name in names.split()}


def declare_get(
    router: Router, path: str, permission: str, response: Any, summary: str, *, is_listed: bool = True
) -> Callable[[Function], Function]:
    """Declare a GET operation that needs a permission ("": only a user) and rejects unknown parameters.

    `is_listed` includes it in the OpenAPI description.
    """

    def declare(function: Function) -> Function:
        known = _list_parameter_names(function)

        @wraps(function)
        def operation(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            unknown = sorted(set(request.GET) - known)
            if unknown:
                valid = f"Valid parameters: {', '.join(sorted(known))}." if known else "This operation has none."
                raise BadRequest(f"Unknown parameter {unknown[0][:50]!r}. {valid}", unknown[0][:50])
            return function(request, *args, **kwargs)

        router.get(
            path,
            auth=[TokenAuthentication(permission), SessionAuthentication(permission)],
            response={200: response, **dict.fromkeys((400, 401, 403, 404), Problem)},
            summary=summary,
            operation_id=function.__name__,
            description=inspect.getdoc(function),
            include_in_schema=is_listed,
        )(operation)
        return function

    return declare


def _list_parameter_names(function: Callable[..., Any]) -> set[str]:
    names: set[str] = set()
    for parameter in inspect.signature(function).parameters.values():
        shape = next(iter(get_args(parameter.annotation)), None)
        if isinstance(shape, type) and issubclass(shape, Schema):
            fields = shape.model_fields
            names |= {str(field.alias or name) for name, field in fields.items()}
    return names
