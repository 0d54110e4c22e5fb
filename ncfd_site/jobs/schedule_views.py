"""The pages of periodic work: the list of schedules, and one schedule with its form and its runs."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.jobs import schedule as services
from ncfd_site.jobs.job_types import find_job_type
from ncfd_site.jobs.models import JobSchedule
from ncfd_site.jobs.queue import JobError
from ncfd_site.jobs.schedule import CHANGE, ScheduleError

VIEW = "jobs.view_jobschedule"
RUNS_OF_LIST, RUNS_OF_PAGE = 5, 20


class ScheduleForm(forms.Form):
    """When a schedule runs, with which parameters, and whether it is on."""

    cron = forms.CharField(
        label="Cron expression", max_length=100, help_text="Minute, hour, day, month and weekday, in UTC: 30 2 * * *"
    )
    arguments = forms.JSONField(label="Parameters", required=False, widget=forms.Textarea({"rows": 5}))
    is_active = forms.BooleanField(label="On", required=False)


@require_safe
@require_permission(VIEW)
def schedules(request: HttpRequest) -> HttpResponse:
    """List the schedules with their latest runs."""
    runs = services.list_runs(RUNS_OF_LIST)
    rows = [_describe(request, schedule, runs.get(schedule.name, [])) for schedule in services.list_schedules()]
    return render(request, "ncfd/schedule/schedules.html", {"title": "Schedule", "rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(VIEW)
def schedule(request: HttpRequest, schedule: str) -> HttpResponse:
    """Show a schedule; a POST changes it."""
    name, found = schedule, _find(schedule)
    values = {"cron": found.cron, "arguments": found.arguments, "is_active": found.next_at is not None}
    form = ScheduleForm(request.POST if request.method == "POST" else None, initial=values, label_suffix="")
    if request.method == "POST" and form.is_valid():
        given = {**form.cleaned_data, "arguments": form.cleaned_data["arguments"] or {}}
        try:
            services.change_schedule(name, **given, actor=current_user(request))
            messages.success(request, f"Schedule {name} saved.")
            return redirect("jobs:schedule", name)
        except ScheduleError as error:
            form.add_error(None, str(error))
    row = _describe(request, found, services.list_runs(RUNS_OF_PAGE, name).get(name, []))
    context = {"title": f"Schedule: {row['job_type'].title}", "row": row, "form": form}
    return render(request, "ncfd/schedule/schedule.html", context, status=400 if form.errors else 200)


@require_POST
@require_permission(VIEW)
def switch(request: HttpRequest, schedule: str) -> HttpResponse:
    """Switch a schedule on, or pause it."""
    name, found = schedule, _find(schedule)
    # Of two presses of one button, the second changes nothing.
    is_active = request.POST.get("to") == "on"
    values = {"cron": found.cron, "arguments": found.arguments, "is_active": is_active}
    try:
        services.change_schedule(name, **values, actor=current_user(request))
        messages.success(request, f"Schedule {name} {'switched on' if is_active else 'paused'}.")
    except ScheduleError as error:
        messages.warning(request, str(error))
    return redirect("jobs:schedules")


@require_POST
@require_permission(VIEW)
def run(request: HttpRequest, schedule: str) -> HttpResponse:
    """Start a run of a schedule now, and redirect to its job."""
    name = _find(schedule).name
    try:
        job = services.start_now(name, actor=current_user(request))
    except JobError as error:
        messages.warning(request, str(error))
        return redirect("jobs:schedules")
    messages.success(request, f"Job {job.pk} queued.")
    return redirect("jobs:job", job.pk)


def _find(name: str) -> JobSchedule:
    try:
        return services.find_schedule(name)
    except LookupError as error:
        raise Http404(str(error)) from error


def _describe(request: HttpRequest, found: JobSchedule, runs: list[Any]) -> dict[str, Any]:
    job_type = find_job_type(found.kind)
    user = current_user(request)
    may_change = user.has_perm(CHANGE) and user.has_perm(job_type.permission)
    return {"schedule": found, "job_type": job_type, "runs": runs, "may_change": may_change}
