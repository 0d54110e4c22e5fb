"""Admin of ingest runs and the ingest state."""

from django.contrib import admin

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import value, when
from ncfd_site.adminkit.tables import ReadOnlyAdmin
from signals.models import IngestRun, IngestState


@admin.register(IngestRun)
class IngestRunAdmin(ReadOnlyAdmin):
    """Runs of the loaders."""

    list_display = (
        value("run_id", "run"),
        value("source"),
        when("started_at", "started"),
        when("finished_at", "finished", empty="not finished"),
        value("total_returned", "returned"),
        value("total_processed", "processed"),
    )
    search_by = (search.key("run_id", "ID"),)
    filled_by = "Loaders such as `manage.py load_ctgov FILE` add a run."


@admin.register(IngestState)
class IngestStateAdmin(ReadOnlyAdmin):
    """Date up to which the registry has been read."""

    list_display = (
        value("id", "state", draw=lambda _: "ClinicalTrials.gov"),
        value("cursor_last_update_posted", "read up to", empty="nothing yet"),
        when("last_run_at", "last run", empty="never"),
    )
    filled_by = "The first run of `manage.py load_ctgov FILE` creates it."
