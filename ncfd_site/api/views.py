"""The page of the API."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ncfd_site.api.v1 import describe
from ncfd_site.core.permissions import require_permission


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, in words."""

    name: str
    place: str
    words: str
    about: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, in words."""

    path: str
    name: str
    summary: str
    about: str
    parameters: list[Parameter]


@require_safe
@require_permission()
def operations(request: HttpRequest) -> HttpResponse:
    """Show the operations of the API from its OpenAPI description."""
    groups: dict[str, list[Operation]] = {}
    for path, methods in describe()["paths"].items():
        operation = methods["get"]
        groups.setdefault(operation["tags"][0], []).append(_operation(path, operation))
    return render(request, "api/operations.html", {"title": "API", "groups": groups})


def _operation(path: str, described: dict[str, Any]) -> Operation:
    parameters = [
        Parameter(each["name"], each["in"], _words(each), each.get("description", ""))
        for each in described["parameters"]
    ]
    return Operation(path, described["operationId"], described["summary"], described.get("description", ""), parameters)


def _words(parameter: dict[str, Any]) -> str:
    """Return the type of a parameter in words."""
    schema = parameter["schema"]
    kinds = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    kind: dict[str, Any] = kinds[0] if kinds else {}
    if "enum" in kind or "const" in kind:
        # The empty text is the default.
        return "one of " + ", ".join(str(each) for each in kind.get("enum", [kind.get("const")]) if each != "")
    words = {"integer": "whole number", "boolean": "true or false", "number": "number"}.get(
        kind.get("type", ""), "text"
    )
    if kind.get("format") == "date":
        words = "day, as 2026-01-31"
    if "minimum" in kind and kind.get("maximum", 0) < 2**31 - 1:
        words = f"{words}, {kind['minimum']} to {kind['maximum']}"
    default = schema.get("default")
    return f"{words}; default: {default}" if default not in (None, "") else words
