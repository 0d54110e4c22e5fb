"""The page of the retention policy, which starts counting and pruning."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.jobs import queue
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.queue import JobError
from ncfd_site.retention.jobs import OPERATE, PRUNE
from ncfd_site.retention.policy import list_prunables, read_policy

SHOWN_JOBS = 5
ACTIONS = {"count": False, "delete": True}


@require_http_methods(["GET", "HEAD", "POST"])
@require_permission(OPERATE)
def retention(request: HttpRequest) -> HttpResponse:
    """Show the policy and the latest jobs; start a job that counts, or one that deletes."""
    apply = ACTIONS.get(request.POST.get("action", ""))
    if apply is not None:
        try:
            job = queue.start(PRUNE.name, {"apply": apply}, actor=current_user(request))
        except JobError as error:
            messages.warning(request, str(error))
            return redirect("retention")
        return redirect("jobs:job", job.pk)
    policy = read_policy()
    rules = [
        (one.title, [(key.replace("_", " "), policy[one.name][key]) for key in one.settings])
        for one in list_prunables()
    ]
    context = {"title": "Retention", "rules": rules, "jobs": Job.objects.filter(kind=PRUNE.name)[:SHOWN_JOBS]}
    return render(request, "ncfd/retention.html", context, status=400 if request.method == "POST" else 200)
