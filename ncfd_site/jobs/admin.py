"""The admin of jobs: the rows as they are. What people may do with a job stands on the job's own page."""

from django.contrib import admin

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import choice, value, when
from ncfd_site.adminkit.filters import choices, known_values
from ncfd_site.adminkit.tables import ReadOnlyAdmin
from ncfd_site.jobs.models import Job


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Long work that people started."""

    list_display = (
        value("job_id", "job"),
        value("kind"),
        choice("state"),
        value("requested_by"),
        when("requested_at", "requested"),
        when("finished_at", "ended", empty="not ended"),
        value("attempts"),
        value("error", empty=""),
    )
    list_filter = (
        choices("state", "state", *((state.value, state.label, {"state": state.value}) for state in Job.State)),
        known_values("kind", "kind"),
    )
    search_by = (search.key("job_id", "number of the job"),)
    filled_by = "Nobody has started any long work yet. A job is started on the page that it is about."
