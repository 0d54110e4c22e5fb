"""Admin of published results and of their validation errors."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import age_column, related_column, value_column
from ncfd_site.adminkit.filters import indexed_values_filter
from ncfd_site.adminkit.links import render_object_link
from ncfd_site.adminkit.read_only import ReadOnlyAdmin, Table
from ncfd_site.core import formatting
from signals.admin.trials import BY_TRIAL, PIPELINE, TRIAL
from signals.models import StagingError, Study


@admin.register(Study)
class StudyAdmin(ReadOnlyAdmin):
    """Published results of trials with their study cards."""

    list_display = (
        value_column("study_id", "study"),
        TRIAL,
        value_column("doc_type", "type"),
        value_column("year", order=True),
        value_column("p_value", "p-value", empty="no number", order=True),
        value_column("coverage_level", "coverage"),
        value_column("citation"),
        age_column("updated_at", "changed"),
    )
    list_filter = (
        indexed_values_filter("doc_type", "type"),
        indexed_values_filter("coverage_level", "coverage", nothing="unknown"),
    )
    search_by = (BY_TRIAL, search.by_key("study_id", "ID"))
    filled_by = PIPELINE
    # The stored object is shown to users who may view content.
    hidden_fields = {"object": "storage.view_storageobject"}

    def get_tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Return the validation errors of the card and the signals from the study."""
        errors = row.staging_errors.defer("extracted_jsonb").order_by("-pk")
        signals = row.signals.defer("metadata").order_by("s_id")
        return [
            Table(
                "Validation errors",
                ("Error", "Message", "Recorded"),
                [
                    (render_object_link(one, one.error_type), one.error_message, formatting.render_age(one.created_at))
                    for one in errors
                ],
                "No errors.",
            ),
            Table(
                "Signals from this study",
                ("Signal", "Severity", "Evidence"),
                [
                    (render_object_link(one, one.get_s_id_display()), one.get_severity_display(), one.evidence_span)
                    for one in signals
                ],
                "No signal names this study.",
            ),
        ]


@admin.register(StagingError)
class StagingErrorAdmin(ReadOnlyAdmin):
    """Validation errors of study cards."""

    list_display = (
        value_column("id", "error"),
        value_column("error_type", "type"),
        related_column("trial", "nct_id", "trial", empty="none"),
        related_column("study", "study_id", "study", empty="none"),
        value_column("error_message", "message", render=lambda text: text if len(text) <= 160 else f"{text[:160]}…"),
        age_column("created_at", "recorded", order=True),
    )
    list_filter = (indexed_values_filter("error_type", "type"),)
    search_by = (BY_TRIAL, search.by_key("id", "ID"))
    filled_by = "The database adds an error when the card of a pivotal trial is incomplete."
