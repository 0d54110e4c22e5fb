"""The content page, and the pages that preview and start maintenance."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ncfd_site.config.errors import UserError
from ncfd_site.core.formatting import format_size
from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.jobs.engine import OPEN
from ncfd_site.jobs.models import Job
from storage.charts import build_charts
from storage.forms import ConfirmForm, GcForm, MaintenanceForm, MoveForm, VerifyForm
from storage.garbage_collection import GcOptions, find_blocking_reason, preview_garbage_collection
from storage.jobs import OPERATE, start_garbage_collection, start_move, start_verification
from storage.overview import GRACE_DAYS, list_recent_jobs, load_last_verification, load_overview
from storage.tiers import MoveOptions, preview_move

VIEW_OBJECTS = "storage.view_storageobject"


@require_safe
@require_permission(VIEW_OBJECTS)
def show_content(request: HttpRequest) -> HttpResponse:
    """Show the statistics of all objects, with maintenance for operators."""
    return render(request, "storage/content.html", _build_content_context(request))


@require_POST
@require_permission(OPERATE)
def start_verification_job(request: HttpRequest) -> HttpResponse:
    """Start a verification and show its job."""
    form = VerifyForm(request.POST)
    if not form.is_valid():
        context = _build_content_context(request, verify_form=form)
        return render(request, "storage/content.html", context, status=400)
    return _start_job(request, lambda: start_verification(**form.cleaned_data, actor=current_user(request)))


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(OPERATE)
def collect_garbage(request: HttpRequest) -> HttpResponse:
    """Preview a garbage collection; a confirmed POST starts it."""

    def build_preview(options: GcOptions) -> dict[str, Any]:
        found = preview_garbage_collection(options)
        return {
            "options": options,
            "preview": found,
            "blocking_reason": find_blocking_reason(found, options),
            "candidate_size": format_size(found.candidate_bytes),
            "due_size": format_size(found.due_bytes),
            "has_work": found.candidate_count or found.due_count,
        }

    return _preview_or_start(request, "garbage_collection", GcForm, build_preview, start_garbage_collection)


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(OPERATE)
def move(request: HttpRequest) -> HttpResponse:
    """Preview a move between tiers; a confirmed POST starts it."""

    def build_preview(options: MoveOptions) -> dict[str, Any]:
        found = preview_move(options)
        return {
            "options": options,
            "preview": found,
            "size": format_size(found.size_bytes),
            "has_work": found.object_count,
        }

    return _preview_or_start(request, "move", MoveForm, build_preview, start_move)


def _build_content_context(request: HttpRequest, **forms: MaintenanceForm) -> dict[str, Any]:
    """Return the context of the content page; `forms` are those sent with errors."""
    user = current_user(request)
    overview, jobs = load_overview(), list_recent_jobs()
    return {
        "title": "Content",
        "overview": overview,
        "total_size": format_size(overview.total.size_bytes),
        "candidate_size": format_size(overview.candidates.size_bytes),
        "tombstone_size": format_size(overview.tombstones.size_bytes),
        "grace_days": GRACE_DAYS,
        "charts": build_charts(overview, linked=user.is_staff) if overview.total.object_count else [],
        "last_verification": load_last_verification(),
        "jobs": jobs,
        "active_jobs": [job for job in jobs if job.state in OPEN],
        "can_operate": user.has_perm(OPERATE),
        "verify_form": VerifyForm(),
        "gc_form": GcForm(),
        "move_form": MoveForm(),
        **forms,
    }


def _preview_or_start(
    request: HttpRequest,
    name: str,
    form_class: type[GcForm] | type[MoveForm],
    preview: Callable[[Any], dict[str, Any]],
    start: Callable[..., Job],
) -> HttpResponse:
    defaults = {field_name: field.initial for field_name, field in form_class.base_fields.items()}
    sent = request.POST if request.method == "POST" else request.GET
    form: GcForm | MoveForm = form_class({**defaults, **sent.dict()})
    context: dict[str, Any] = {"title": "Garbage collection" if form_class is GcForm else "Move content", "form": form}
    status = 200
    if not form.is_valid():
        status = 400
    elif request.method == "POST":
        confirmation = ConfirmForm(request.POST)
        options = form.build_options()
        if confirmation.is_valid():
            return _start_job(request, lambda: start(options, actor=current_user(request)))
        context |= {"unconfirmed": confirmation.errors["confirm"], **preview(options)}
        status = 400
    else:
        context |= preview(form.build_options())
    return render(request, f"storage/{name}.html", context, status=status)


def _start_job(request: HttpRequest, start: Callable[[], Job]) -> HttpResponse:
    try:
        job = start()
    except UserError as error:
        messages.error(request, str(error))
        return redirect("storage:content")
    messages.success(request, f"Job {job.pk} queued.")
    return redirect("jobs:job", job.pk)
