"""Admin of published results and of their validation errors."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import related, value, when
from ncfd_site.adminkit.filters import known_values
from ncfd_site.adminkit.links import object_link
from ncfd_site.adminkit.tables import ReadOnlyAdmin, Table
from ncfd_site.core import formatting
from signals.admin.trials import BY_TRIAL, PIPELINE, TRIAL
from signals.models import StagingError, Study


@admin.register(Study)
class StudyAdmin(ReadOnlyAdmin):
    """Published results of trials with their study cards."""

    list_display = (
        value("study_id", "study"),
        TRIAL,
        value("doc_type", "type"),
        value("year", order=True),
        value("p_value", "p-value", empty="no number", order=True),
        value("coverage_level", "coverage"),
        value("citation"),
        when("updated_at", "changed"),
    )
    list_filter = (known_values("doc_type", "type"), known_values("coverage_level", "coverage", nothing="unknown"))
    search_by = (BY_TRIAL, search.key("study_id", "ID"))
    filled_by = PIPELINE
    # The stored object is shown to users who may view content.
    hidden_fields = {"object": "storage.view_storageobject"}

    def tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Return the validation errors of the card and the signals from the study."""
        errors = row.staging_errors.defer("extracted_jsonb").order_by("-pk")
        signals = row.signals.defer("metadata").order_by("s_id")
        return [
            Table(
                "Validation errors",
                ("Error", "Message", "Recorded"),
                [
                    (object_link(one, one.error_type), one.error_message, formatting.render_age(one.created_at))
                    for one in errors
                ],
                "No errors.",
            ),
            Table(
                "Signals from this study",
                ("Signal", "Severity", "Evidence"),
                [
                    (object_link(one, one.get_s_id_display()), one.get_severity_display(), one.evidence_span)
                    for one in signals
                ],
                "No signal names this study.",
            ),
        ]


@admin.register(StagingError)
class StagingErrorAdmin(ReadOnlyAdmin):
    """Validation errors of study cards."""

    list_display = (
        value("id", "error"),
        value("error_type", "type"),
        related("trial", "nct_id", "trial", empty="none"),
        related("study", "study_id", "study", empty="none"),
        value("error_message", "message", draw=lambda text: text if len(text) <= 160 else f"{text[:160]}…"),
        when("created_at", "recorded", order=True),
    )
    list_filter = (known_values("error_type", "type"),)
    search_by = (BY_TRIAL, search.key("id", "ID"))
    filled_by = "The database adds an error when the card of a pivotal trial is incomplete."
