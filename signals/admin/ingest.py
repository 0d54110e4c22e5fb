"""The admin of what the loaders remember of themselves."""

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
    search_by = (search.key("run_id", "number"),)
    filled_by = "Each loader writes a run: `manage.py load_ctgov FILE`."


@admin.register(IngestState)
class IngestStateAdmin(ReadOnlyAdmin):
    """How far the registry has been read."""

    list_display = (
        value("id", "state", draw=lambda _: "ClinicalTrials.gov"),
        value("cursor_last_update_posted", "read up to", empty="nothing yet"),
        when("last_run_at", "last run", empty="never"),
    )
    filled_by = "`manage.py load_ctgov FILE` writes it at its first run."
