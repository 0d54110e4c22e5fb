"""The pages of the API: its operations, and the tokens of a user."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ncfd_site.api.models import ApiToken
from ncfd_site.api.tokens import (
    DEFAULT_DAYS,
    MAX_DAYS,
    MIN_DAYS,
    NewToken,
    TokenError,
    create_token,
    list_tokens,
    revoke_token,
)
from ncfd_site.api.v1 import describe
from ncfd_site.core.permissions import current_user, require_permission


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
        found = methods["get"]
        parameters = [
            Parameter(each["name"], each["in"], _describe_type(each), each.get("description", ""))
            for each in found["parameters"]
        ]
        operation = Operation(path, found["operationId"], found["summary"], found.get("description", ""), parameters)
        groups.setdefault(found["tags"][0], []).append(operation)
    return render(
        request,
        "api/operations.html",
        {"title": "API", "groups": groups, "base": request.build_absolute_uri("/").rstrip("/")},
    )


def _describe_type(parameter: dict[str, Any]) -> str:
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


class TokenForm(forms.Form):
    """The name and lifetime of a new token."""

    name = forms.CharField(
        label="Name", max_length=100, widget=forms.TextInput(attrs={"size": 30, "autocomplete": "off"})
    )
    days = forms.IntegerField(label="Expires in (days)", min_value=MIN_DAYS, max_value=MAX_DAYS, initial=DEFAULT_DAYS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission()
def tokens(request: HttpRequest) -> HttpResponse:
    """List the user's tokens; a POST creates one and shows it once."""
    form = TokenForm(request.POST) if request.method == "POST" else TokenForm()
    made: NewToken | None = None
    if request.method == "POST" and form.is_valid():
        try:
            made = create_token(current_user(request), form.cleaned_data["name"], form.cleaned_data["days"])
        except TokenError as refusal:
            form.add_error(None, str(refusal))
    status = 400 if form.is_bound and not form.is_valid() else 200
    context = {
        "title": "API tokens",
        "form": TokenForm() if made else form,
        "made": made,
        "tokens": list_tokens(current_user(request)),
        "now": timezone.now(),
        "base": request.build_absolute_uri("/api/v1/"),
    }
    return render(request, "tokens/tokens.html", context, status=status)


@require_POST
@require_permission()
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revoke one of the user's tokens."""
    try:
        token = revoke_token(current_user(request), token_id)
    except ApiToken.DoesNotExist:
        raise Http404("You have no such token.") from None
    messages.success(request, f"Token {token.name} revoked.")
    return redirect("tokens")
