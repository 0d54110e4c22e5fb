"""Template tags for background jobs."""

from django import template

from ncfd_site.core.formatting import format_duration
from ncfd_site.jobs import presentation
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.presentation import ProgressView, Snapshot, view_progress

register = template.Library()
register.filter("job_title", presentation.job_title)
register.filter("job_arguments", presentation.describe_arguments)
register.filter("job_result", presentation.describe_result)
register.filter("job_state", presentation.state_label)
register.filter("job_progress", presentation.progress_text)


@register.simple_tag
def progress_view(job: Job, snapshot: Snapshot | str | None = None) -> ProgressView:
    """Return the view of a job; `snapshot` is an earlier one, where the page has it."""
    return view_progress(job, snapshot if isinstance(snapshot, Snapshot) else None)


@register.filter
def job_duration(job: Job) -> str:
    """Return the time from the first worker to the end; "" before the end, or when the job never started."""
    if job.started_at is None or job.finished_at is None:
        return ""
    return format_duration(job.finished_at - job.started_at)
