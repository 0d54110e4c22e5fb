"""The way into the API: who asks, with which method, and what of the answer may be kept.

Programs show a token, people come with their own session. The door stands before everything at these addresses, so
what is not there is not told to strangers either.
"""

import hashlib
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers

from ncfd_site.api.problems import fault, problem
from ncfd_site.api.tokens import person_of_token

logger = logging.getLogger(__name__)
View = Callable[..., HttpResponse]
METHODS = ("GET", "HEAD", "OPTIONS")
SCHEME = "bearer"
OK = 200


def behind_the_door(view: View) -> View:
    """Ask for a token or a session, answer only what reads, and mark each answer with its ETag."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = _answer(request, lambda: view(request, *args, **kwargs))
        # Broad: a program that reads JSON is answered in JSON also where its token could not be looked up.
        except Exception as found:
            logger.exception("The API failed at %s", request.path)
            response = fault(found)
        response["Cache-Control"] = "no-store"
        patch_vary_headers(response, ("Authorization", "Cookie"))
        return response

    # Strangers get an answer, not a form to sign in; and nothing here changes anything that a form could.
    guarded.login_required = False  # type: ignore[attr-defined]
    guarded.csrf_exempt = True  # type: ignore[attr-defined]
    return guarded


def _answer(request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
    refusal = _let_in(request)
    if refusal is not None:
        return refusal
    if request.method not in METHODS:
        refusal = problem(405, f"The API only reads: {request.method} is not among {', '.join(METHODS)}.")
    elif request.method == "OPTIONS":
        refusal = HttpResponse(status=204)
    if refusal is not None:
        refusal["Allow"] = ", ".join(METHODS)
        return refusal
    if "\x00" in request.path or any("\x00" in text for key in request.GET for text in request.GET.getlist(key)):
        return problem(400, "The address has a NUL character in it, which no text here has.")
    # What is behind knows GET alone; the server leaves the body of HEAD out.
    method, request.method = request.method, "GET"
    try:
        response = answer()
    finally:
        request.method = method
    if response.status_code != OK:
        return response
    response["ETag"] = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    conditional = get_conditional_response(request, etag=response["ETag"], response=response)
    return cast(HttpResponse, conditional)


def _let_in(request: HttpRequest) -> HttpResponse | None:
    header = request.headers.get("Authorization")
    if header is None:
        if request.user.is_authenticated:
            return None
        return problem(401, "Send a token as Authorization: Bearer ncfd_…, or sign in. Make one at /tokens/.")
    scheme, _, token = header.partition(" ")
    person: User | None = person_of_token(token.strip()) if scheme.lower() == SCHEME else None
    if person is None:
        return problem(401, "This token is not known, has ended or was revoked. Make one at /tokens/.", "Authorization")
    request.user = person
    return None
