"""The admin of published results and of what their cards lack."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import related, value, when
from ncfd_site.adminkit.filters import known_values
from ncfd_site.adminkit.links import object_link
from ncfd_site.adminkit.tables import ReadOnlyAdmin, Table
from ncfd_site.core import formatting
from signals.admin.columns import BY_TRIAL, PIPELINE, TRIAL
from signals.models import StagingError, Study


@admin.register(Study)
class StudyAdmin(ReadOnlyAdmin):
    """Published results of trials, with their study cards."""

    list_display = (
        value("study_id", "study"),
        TRIAL,
        value("doc_type", "kind"),
        value("year", order=True),
        value("p_value", "p-value", empty="no number", order=True),
        value("coverage_level", "coverage"),
        value("citation"),
        when("updated_at", "changed"),
    )
    list_filter = (known_values("doc_type", "kind"), known_values("coverage_level", "coverage", nothing="unknown"))
    search_by = (BY_TRIAL, search.key("study_id", "number"))
    filled_by = PIPELINE
    # What a study's bytes are, and where, is for those who look after content.
    hidden_fields = {"object": "storage.view_storageobject"}

    def tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """What its card lacks, and the signals that rest on it."""
        errors = row.staging_errors.defer("extracted_jsonb").order_by("-pk")
        signals = row.signals.defer("metadata").order_by("s_id")
        return [
            Table(
                "Errors of its card",
                ("Error", "Message", "Recorded"),
                [
                    (object_link(one, one.error_type), one.error_message, formatting.render_age(one.created_at))
                    for one in errors
                ],
                "Nothing was found wrong with its card.",
            ),
            Table(
                "Signals that rest on it",
                ("Signal", "Severity", "Evidence"),
                [
                    (object_link(one, one.get_s_id_display()), one.get_severity_display(), one.evidence_span)
                    for one in signals
                ],
                "No signal names this study as its source.",
            ),
        ]


@admin.register(StagingError)
class StagingErrorAdmin(ReadOnlyAdmin):
    """What study cards lack."""

    list_display = (
        value("id", "error"),
        value("error_type", "kind"),
        related("trial", "nct_id", "trial", empty="none"),
        related("study", "study_id", "study", empty="none"),
        value("error_message", "message", draw=lambda text: text if len(text) <= 160 else f"{text[:160]}…"),
        when("created_at", "recorded", order=True),
    )
    list_filter = (known_values("error_type", "kind"),)
    search_by = (BY_TRIAL, search.key("id", "number"))
    filled_by = "The database writes an error when the card of a pivotal trial lacks something; none did."
