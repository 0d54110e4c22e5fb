"""Filters and tags for every page of the site and the admin."""

from datetime import date, datetime
from decimal import Decimal

from django import template
from django.template import RequestContext
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ncfd_site.core import formatting
from ncfd_site.core.charts.risk_bar import render_band_dot, render_risk
from ncfd_site.core.demo_flag import is_demonstration
from ncfd_site.jobs import presentation
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.presentation import ProgressView, Snapshot, view_progress
from ncfd_site.web.help.tour import Step, find_steps
from ncfd_site.web.navigation import Group, build_navigation, group_by_task, list_roles

register = template.Library()

register.filter("band_dot", render_band_dot)
register.filter("thousands", lambda number: f"{number:,}")
register.filter("humanize_name", formatting.humanize_name)
register.filter("as_fields", formatting.render_json)
register.filter("by_task", group_by_task)
register.filter("job_title", presentation.job_title)
register.filter("job_arguments", presentation.describe_arguments)
register.filter("job_result", presentation.describe_result)
register.filter("job_state", presentation.state_label)
register.filter("job_progress", presentation.progress_text)


@register.simple_tag(takes_context=True)
def navigation(context: RequestContext) -> list[Group]:
    """Return the groups of pages that the user may open."""
    return build_navigation(context["request"])


@register.simple_tag(takes_context=True)
def user_roles(context: RequestContext) -> list[str]:
    """Return the names of the user's roles."""
    return list_roles(context["user"])


@register.simple_tag(takes_context=True)
def tour_steps(context: RequestContext) -> tuple[Step, ...]:
    """Return the steps of the first visit."""
    return find_steps(context["request"])


@register.simple_tag
def demonstration() -> bool:
    """Return whether the data of this database is generated."""
    return is_demonstration()


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """Return the age of a moment with the exact moment in its tooltip, "" for None."""
    return formatting.render_age(moment) if moment else ""


@register.filter
def day(value: date | None) -> SafeString | str:
    """Return the distance of a day from today with the date in its tooltip, "" for None."""
    if value is None:
        return ""
    distance = formatting.format_date_distance(value, timezone.localdate())
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), value.isoformat(), distance)


@register.filter
def percent(share: Decimal | float | None) -> str:
    """Return a share of 1 in percent."""
    return formatting.UNKNOWN if share is None else formatting.format_percent(share)


@register.filter
def risk(p_fail: Decimal | None, is_prior_only: bool | None = False) -> SafeString:
    """Render a probability of failure with its bar, hollow if it is only a prior; None: "not scored"."""
    return (
        formatting.render_quiet("not scored")
        if p_fail is None
        else render_risk(p_fail, is_prior_only=bool(is_prior_only))
    )


@register.filter
def points(change: Decimal | None) -> SafeString | str:
    """Return the change of a probability in percentage points, with an arrow."""
    if change is None:
        return formatting.render_quiet("no previous run")
    if not change:
        return formatting.render_quiet("unchanged")
    arrow = "\u25b2" if change > 0 else "\u25bc"
    return format_html('<span aria-hidden="true">{}</span> {}', arrow, formatting.format_points(change))


@register.simple_tag
def progress_view(job: Job, snapshot: Snapshot | str | None = None) -> ProgressView:
    """Return the view of a job; `snapshot` is the one in the address of a polling page."""
    return view_progress(job, snapshot if isinstance(snapshot, Snapshot) else None)


@register.filter
def job_duration(job: Job) -> str:
    """Return the time from the first worker to the end; "" before the end, or when the job never started."""
    if job.started_at is None or job.finished_at is None:
        return ""
    return formatting.format_duration(job.finished_at - job.started_at)
