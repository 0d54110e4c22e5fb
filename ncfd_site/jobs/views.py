"""The pages of background jobs."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from ncfd_site.core.permissions import check_permission, current_user, require_permission
from ncfd_site.jobs import presentation, queue
from ncfd_site.jobs.engine import OPEN, is_held
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.presentation import Snapshot, view_progress
from ncfd_site.jobs.queries import JobFilterForm, read_job_page
from ncfd_site.jobs.queue import RESUMABLE, JobError

VIEW = "jobs.view_job"


@require_safe
@require_permission(VIEW)
def jobs(request: HttpRequest) -> HttpResponse:
    """List the jobs of a selection."""
    form = JobFilterForm(request.GET)
    selection = form.get_selection() if form.is_valid() else None
    page = read_job_page(selection, form.get_page_number()) if selection else None
    context = {"title": "Jobs", "form": form, "selection": selection, "page": page}
    return render(request, "ncfd/jobs/jobs.html", context)


@require_safe
@require_permission()
def job(request: HttpRequest, job_id: int) -> HttpResponse:
    """Show one job to those who may view jobs and to its requester."""
    found = _get_visible_job(request, job_id)
    job_type = presentation.find_type_of_job(found)
    may_act = job_type is not None and current_user(request).has_perm(job_type.permission)
    return render(
        request,
        "ncfd/jobs/job.html",
        {
            "title": f"Job {found.pk}: {presentation.job_title(found)}",
            "job": found,
            "job_type": job_type,
            "snapshot": Snapshot.from_query(request.GET),
            "may_cancel": may_act and found.state in OPEN and found.canceled_at is None,
            "may_resume": may_act and found.state in RESUMABLE,
        },
    )


@require_safe
@login_not_required
def progress(request: HttpRequest, job_id: int) -> HttpResponse:
    """Return the progress of an open job for polling; reload the page of a finished one."""
    # A signed-out user gets the sign-in page instead of a form inside this one.
    reload = HttpResponse(headers={"HX-Refresh": "true"})
    return _render_progress(request, job_id) if request.user.is_authenticated else reload


@require_permission()
def _render_progress(request: HttpRequest, job_id: int) -> HttpResponse:
    view = view_progress(_get_visible_job(request, job_id), Snapshot.from_query(request.GET))
    if not view.is_open:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "ncfd/jobs/moving.html", {"view": view, "is_polled": True})


@require_POST
@require_permission()
def cancel(request: HttpRequest, job_id: int) -> HttpResponse:
    """Cancel a job, or request it of a running one, and redirect to its page."""
    _get_visible_job(request, job_id)
    done = _change_job(request, queue.cancel, job_id)
    if done is not None:
        is_canceled = done.state == Job.State.CANCELED
        messages.success(request, f"Job {job_id} {'canceled' if is_canceled else 'is stopping'}.")
    return redirect("jobs:job", job_id)


@require_POST
@require_permission()
def resume(request: HttpRequest, job_id: int) -> HttpResponse:
    """Queue a failed or canceled job again, and redirect to its page."""
    _get_visible_job(request, job_id)
    if _change_job(request, queue.resume, job_id) is not None:
        messages.success(request, f"Job {job_id} queued; it resumes from its checkpoint.")
    return redirect("jobs:job", job_id)


def _change_job(request: HttpRequest, change: Callable[..., Job], job_id: int) -> Job | None:
    """Cancel or resume a job by `change`; return None, with a message, when it is refused."""
    actor: User = current_user(request)
    try:
        return change(job_id, actor=actor)
    except JobError as error:
        messages.warning(request, str(error))
        return None
    except LookupError:
        messages.warning(request, "This version of the site does not know the type of this job and cannot change it.")
        return None


def _get_visible_job(request: HttpRequest, job_id: int) -> Job:
    actor = current_user(request)
    jobs = Job.objects.filter(pk=job_id)
    job = jobs.annotate(is_held=is_held()).first()  # type: ignore[no-redef]
    if job is None or job.requested_by != actor.get_username():
        check_permission(actor, VIEW, "This page")
    if job is None:
        raise Http404(f"There is no job {job_id}.")
    return job
