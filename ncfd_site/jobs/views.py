"""The pages of long work: what runs, how far it is, and the buttons that end it or let it go on."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.jobs import queue, words
from ncfd_site.jobs.forms import JobFilterForm
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.queries import job_page
from ncfd_site.jobs.queue import ENDED_EARLY, OPEN, JobError
from ncfd_site.jobs.watching import Watch, look

VIEW = "jobs.view_job"


@require_safe
@require_permission(VIEW)
def jobs(request: HttpRequest) -> HttpResponse:
    """List the jobs of a selection."""
    form = JobFilterForm(request.GET)
    selection = form.get_selection() if form.is_valid() else None
    page = job_page(selection, form.get_page_number()) if selection else None
    context = {"title": "Jobs", "form": form, "selection": selection, "page": page}
    return render(request, "ncfd/jobs/jobs.html", context)


@require_safe
@require_permission()
def job(request: HttpRequest, job_id: int) -> HttpResponse:
    """Show one job, to those who may look at jobs and to the one who asked for it."""
    found = _find(request, job_id)
    kind = words.kind_if_known(found)
    may_act = kind is not None and current_user(request).has_perm(kind.permission)
    return render(
        request,
        "ncfd/jobs/job.html",
        {
            "title": f"Job {found.pk}: {words.title_of(found)}",
            "job": found,
            "kind": kind,
            "watch": Watch.read(request.GET),
            "may_cancel": may_act and found.state in OPEN and found.cancelled_at is None,
            "may_resume": may_act and found.state in ENDED_EARLY,
        },
    )


@require_safe
@login_not_required
def progress(request: HttpRequest, job_id: int) -> HttpResponse:
    """Answer a page that shows an open job with how far it is now; where it has ended, the page loads itself anew."""
    # Who has signed out meanwhile is asked to sign in by the page, not in the middle of it.
    reload = HttpResponse(headers={"HX-Refresh": "true"})
    return _moving(request, job_id) if request.user.is_authenticated else reload


@require_permission()
def _moving(request: HttpRequest, job_id: int) -> HttpResponse:
    sight = look(_find(request, job_id), Watch.read(request.GET))
    if not sight.is_open:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "ncfd/jobs/moving.html", {"sight": sight, "again": True})


@require_POST
@require_permission()
def cancel(request: HttpRequest, job_id: int) -> HttpResponse:
    """End a job, or ask it to end."""
    _find(request, job_id)
    done = _change(request, queue.cancel, job_id)
    if done is not None:
        ended = done.state == Job.State.CANCELLED
        messages.success(request, f"Job {job_id} {'is cancelled' if ended else 'is asked to end'}.")
    return redirect("jobs:job", job_id)


@require_POST
@require_permission()
def resume(request: HttpRequest, job_id: int) -> HttpResponse:
    """Let a job that ended early go on."""
    _find(request, job_id)
    if _change(request, queue.resume, job_id) is not None:
        messages.success(request, f"Job {job_id} waits for a worker, and goes on from where it was.")
    return redirect("jobs:job", job_id)


def _change(request: HttpRequest, change: Callable[..., Job], job_id: int) -> Job | None:
    """Make a change; None where it is refused, and the person is told why."""
    actor: User = current_user(request)
    try:
        return change(job_id, actor=actor)
    except JobError as refused:
        messages.warning(request, str(refused))
        return None
    except LookupError:
        messages.warning(request, "This version of the site has no such work, so it cannot change the job.")
        return None


def _find(request: HttpRequest, job_id: int) -> Job:
    actor = current_user(request)
    job = Job.objects.filter(pk=job_id).first()
    if not actor.has_perm(VIEW) and (job is None or job.requested_by != actor.get_username()):
        raise PermissionDenied(f"This page needs the permission {VIEW}, which {actor.get_username()} does not have.")
    if job is None:
        raise Http404(f"There is no job {job_id}: the address is mistyped.")
    return job
