"""The page of API tokens: create, list, revoke."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

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
from ncfd_site.core.permissions import current_user, require_permission


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
