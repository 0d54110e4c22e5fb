"""The admin of jobs, read-only; the actions are on the page of each job."""

from django.contrib import admin
from procrastinate.contrib.django.models import ProcrastinateJob

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import age_column, choice_column, value_column
from ncfd_site.adminkit.filters import fixed_choices_filter, indexed_values_filter
from ncfd_site.adminkit.read_only import ReadOnlyAdmin
from ncfd_site.jobs.models import Job, JobPart, JobSchedule

# Its actions would act on tasks without their jobs.
admin.site.unregister(ProcrastinateJob)


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Background jobs."""

    list_display = (
        value_column("job_id", "job"),
        value_column("kind"),
        choice_column("state"),
        value_column("requested_by"),
        age_column("requested_at", "requested"),
        age_column("finished_at", "finished", empty="not finished"),
        value_column("attempts"),
        value_column("error", empty=""),
    )
    list_filter = (
        fixed_choices_filter(
            "state", "state", *((state.value, state.label, {"state": state.value}) for state in Job.State)
        ),
        indexed_values_filter("kind", "kind"),
    )
    search_by = (search.by_key("job_id", "job number"),)
    filled_by = "No job yet. Jobs are started on the pages that they belong to."


@admin.register(JobPart)
class JobPartAdmin(ReadOnlyAdmin):
    """Parts of running jobs."""

    list_display = (value_column("part_id"), value_column("job_id"))
    search_by = (search.by_key("job_id", "job number"),)
    filled_by = "No job is executed in parts now."


@admin.register(JobSchedule)
class JobScheduleAdmin(ReadOnlyAdmin):
    """Schedules that differ from their defaults."""

    list_display = (
        value_column("name"),
        value_column("kind"),
        value_column("cron"),
        value_column("next_at", empty="off"),
        value_column("problem", empty=""),
        value_column("changed_by"),
        age_column("changed_at", "changed"),
    )
    search_by = (search.by_text("name", "name"),)
    filled_by = "No schedule was switched on yet. Operators change schedules on the page Schedule."
