"""Jobs on pages."""

from django import template

from ncfd_site.core import formatting
from ncfd_site.jobs import words
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.watching import Sight, Watch, look

register = template.Library()


@register.simple_tag
def sight_of(job: Job, watch: Watch | str | None = None) -> Sight:
    """Look at a job; `watch` is what was seen of it earlier, where the page knows."""
    return look(job, watch if isinstance(watch, Watch) else None)


@register.filter
def job_title(job: Job) -> str:
    """What kind of work it is."""
    return words.title_of(job)


@register.filter
def description(job: Job) -> str:
    """What it is done with, as a sentence."""
    return words.description(job)


@register.filter
def conclusion(job: Job) -> str:
    """What came out, as a sentence."""
    return words.conclusion(job)


@register.filter
def standing(job: Job) -> words.Standing:
    """Where it stands."""
    return words.standing(job)


@register.filter
def progress(job: Job) -> str:
    """How far its step is."""
    return words.progress(job)


@register.filter
def took(job: Job) -> str:
    """How long it took from its first worker to its end; "" where it has not ended, or never began."""
    if job.started_at is None or job.finished_at is None:
        return ""
    return formatting.format_duration(job.finished_at - job.started_at)
