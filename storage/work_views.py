"""The pages on which operators start work on content: what would happen is said first, then it is asked for."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from ncfd_site.config.errors import UserError
from ncfd_site.core.formatting import format_size
from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.jobs.models import Job
from storage.cleaning import CleaningOptions, obstacle, survey
from storage.forms import CheckForm, CleanForm, ConfirmForm, MoveForm, WorkForm
from storage.tiers import MoveOptions, movable
from storage.views import content_context
from storage.work import OPERATE, start_check, start_cleaning, start_move


@require_POST
@require_permission(OPERATE)
def check(request: HttpRequest) -> HttpResponse:
    """Start a check, and show its job."""
    form = CheckForm(request.POST)
    if not form.is_valid():
        return render(request, "storage/content.html", content_context(request, check_form=form), status=400)
    return _start(request, lambda: start_check(**form.cleaned_data, actor=current_user(request)))


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(OPERATE)
def clean(request: HttpRequest) -> HttpResponse:
    """Say what a cleaning would delete; a POST that confirms it starts one."""

    def told(options: CleaningOptions) -> dict[str, Any]:
        found = survey(options)
        return {
            "options": options,
            "found": found,
            "obstacle": obstacle(found, options),
            "bytes": format_size(found.candidate_bytes),
            "due_bytes": format_size(found.due_bytes),
            "does_something": found.candidates or found.due,
        }

    return _asked(request, "clean", "Clean content", CleanForm, told, start_cleaning)


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(OPERATE)
def move(request: HttpRequest) -> HttpResponse:
    """Say what a move between tiers would move; a POST that confirms it starts one."""

    def told(options: MoveOptions) -> dict[str, Any]:
        found = movable(options)
        return {
            "options": options,
            "found": found,
            "bytes": format_size(found.size_bytes),
            "does_something": found.contents,
        }

    return _asked(request, "move", "Move content", MoveForm, told, start_move)


def _asked(
    request: HttpRequest,
    name: str,
    title: str,
    form_class: type[CleanForm] | type[MoveForm],
    told: Callable[[Any], dict[str, Any]],
    start: Callable[..., Job],
) -> HttpResponse:
    given = request.POST if request.method == "POST" else request.GET
    form: CleanForm | MoveForm = form_class(_with_defaults(form_class, given.dict()))
    context: dict[str, Any] = {"title": title, "form": form}
    status = 200
    if not form.is_valid():
        status = 400
    elif request.method == "POST":
        confirmed = ConfirmForm(request.POST)
        options = form.options()
        if confirmed.is_valid():
            return _start(request, lambda: start(options, actor=current_user(request)))
        context |= {"unconfirmed": confirmed.errors["confirm"], **told(options)}
        status = 400
    else:
        context |= told(form.options())
    return render(request, f"storage/{name}.html", context, status=status)


def _with_defaults(form_class: type[WorkForm], given: dict[str, Any]) -> dict[str, Any]:
    """What was given, and the initial values of what was left out."""
    return {**{name: field.initial for name, field in form_class.base_fields.items()}, **given}


def _start(request: HttpRequest, start: Callable[[], Job]) -> HttpResponse:
    try:
        job = start()
    except UserError as refusal:
        messages.error(request, str(refusal))
        return redirect("storage:content")
    messages.success(request, f"Job {job.pk} waits for a worker. It can be cancelled here at any time.")
    return redirect("jobs:job", job.pk)
