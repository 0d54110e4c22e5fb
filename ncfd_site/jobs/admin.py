"""The admin of jobs, read-only; the actions are on the page of each job."""

from django.contrib import admin

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import choice, value, when
from ncfd_site.adminkit.filters import choices, known_values
from ncfd_site.adminkit.tables import ReadOnlyAdmin
from ncfd_site.jobs.models import Job


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Background jobs."""

    list_display = (
        value("job_id", "job"),
        value("kind"),
        choice("state"),
        value("requested_by"),
        when("requested_at", "requested"),
        when("finished_at", "finished", empty="not finished"),
        value("attempts"),
        value("error", empty=""),
    )
    list_filter = (
        choices("state", "state", *((state.value, state.label, {"state": state.value}) for state in Job.State)),
        known_values("kind", "kind"),
    )
    search_by = (search.key("job_id", "job number"),)
    filled_by = "No job yet. Jobs are started on the pages that they belong to."
