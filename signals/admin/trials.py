"""Admin of trials, their registry history, and the runs of the loaders."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from linkaudit.models import LinkAudit
from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import Column, age_column, boolean_column, related_column, value_column
from ncfd_site.adminkit.composite_keys import CompositeAdmin, register_composite
from ncfd_site.adminkit.filters import boolean_filter, indexed_values_filter
from ncfd_site.adminkit.links import render_list_link, render_object_link
from ncfd_site.adminkit.read_only import ReadOnlyAdmin, Table
from ncfd_site.core import formatting
from securities.queries import lookups
from signals import queries
from signals.admin.score_tables import build_gates_table, build_scores_table, build_signals_table
from signals.models import IngestRun, IngestState, RegistryHistoryVersion, Trial, TrialVersion

TRIAL = related_column("trial", "nct_id", "trial")
BY_TRIAL = search.by_nct_id("trial__nct_id")
PIPELINE = "Pipelines fill this table; the demonstration has examples."
MAX_STUDIES = 50
COMPARED = ("changed_primary_endpoint", "changed_sample_size", "changed_analysis_plan")


def _render_changed_fields(version: Any) -> Any:
    changes = {
        "primary endpoint": version.changed_primary_endpoint,
        "sample size": version.changed_sample_size,
        "analysis plan": version.changed_analysis_plan,
    }
    if all(change is None for change in changes.values()):
        return formatting.render_quiet("not compared")
    return format_html("{}", ", ".join(name for name, change in changes.items() if change) or "none of these")


@admin.register(Trial)
class TrialAdmin(ReadOnlyAdmin):
    """Trials of the registry."""

    list_display = (
        value_column("nct_id", "trial", order=True),
        value_column("sponsor_text", "sponsor"),
        value_column("phase"),
        boolean_column("is_pivotal", "pivotal", yes="yes", no="no", order=True),
        value_column("status", order=True),
        value_column("last_update_posted_date", "updated", order=True),
        related_column("sponsor_company", "name", "company", empty="not resolved"),
        value_column("est_primary_completion_date", "primary completion"),
        value_column("indication"),
    )
    list_filter = (
        boolean_filter("is_pivotal", "pivotal", "pivotal", "not pivotal"),
        indexed_values_filter("status", "status"),
    )
    search_by = (
        search.by_nct_id("nct_id"),
        search.by_key("trial_id", "ID"),
        search.SearchField(
            "sponsor_company_id__in", "start of the sponsor's name", convert=lookups.find_company_ids_by_name
        ),
    )
    filled_by = "`manage.py load_ctgov PATH` loads records of ClinicalTrials.gov."

    def get_tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Return scores, gates, signals, studies and record versions of the trial."""
        gates = queries.list_gates([row.pk])
        studies = row.studies.defer("extracted_jsonb", "notes_md").order_by("-year", "-pk")[:MAX_STUDIES]
        versions = row.versions.only("trial_id", "captured_at", "sample_size", *COMPARED).order_by("-captured_at")
        claims = render_list_link(LinkAudit, "Links of this trial", nct_id=row.nct_id)
        return [
            build_scores_table(queries.list_scores(row.pk)),
            build_gates_table(gates),
            build_signals_table(queries.list_signals([row.pk]), gates),
            Table(
                "Studies",
                ("Study", "Year", "p-value", "Citation"),
                [
                    (
                        render_object_link(one, one.doc_type),
                        one.year,
                        "no number" if one.p_value is None else one.p_value,
                        one.citation,
                    )
                    for one in studies
                ],
                "No published results.",
                note=claims,
            ),
            Table(
                "Record versions",
                ("Captured", "Sample size", "Changed"),
                [
                    (
                        render_object_link(one, formatting.format_moment(one.captured_at)),
                        one.sample_size,
                        _render_changed_fields(one),
                    )
                    for one in versions
                ],
                "No versions stored.",
            ),
        ]


@admin.register(TrialVersion)
class TrialVersionAdmin(ReadOnlyAdmin):
    """Captured versions of registry records."""

    list_display = (
        value_column("trial_version_id", "version"),
        TRIAL,
        age_column("captured_at", "captured", order=True),
        value_column("last_update_posted_date", "posted", order=True),
        value_column("sample_size", "sample size"),
        Column("changed", "changed", _render_changed_fields, reads=COMPARED),
    )
    list_filter = (
        boolean_filter("changed_primary_endpoint", "primary endpoint", "changed", "not changed", "not compared"),
    )
    search_by = (BY_TRIAL, search.by_key("trial_version_id", "ID"))
    filled_by = "`manage.py load_ctgov PATH` adds a version for each changed record."


@register_composite(RegistryHistoryVersion)
class RegistryHistoryVersionAdmin(CompositeAdmin):
    """The registry's own list of record versions."""

    list_display = (
        value_column("version_rank", "version"),
        TRIAL,
        value_column("submitted_date", "submitted"),
        value_column("url", "address", render=formatting.render_link),
    )
    search_by = (BY_TRIAL,)
    filled_by = "Pipelines fill this table."


@admin.register(IngestRun)
class IngestRunAdmin(ReadOnlyAdmin):
    """Runs of the loaders."""

    list_display = (
        value_column("run_id", "run"),
        value_column("source"),
        age_column("started_at", "started"),
        age_column("finished_at", "finished", empty="not finished"),
        value_column("total_returned", "returned"),
        value_column("total_processed", "processed"),
    )
    search_by = (search.by_key("run_id", "ID"),)
    filled_by = "Loaders such as `manage.py load_ctgov FILE` add a run."


@admin.register(IngestState)
class IngestStateAdmin(ReadOnlyAdmin):
    """Date up to which the registry has been read."""

    list_display = (
        value_column("id", "state", render=lambda _: "ClinicalTrials.gov"),
        value_column("cursor_last_update_posted", "read up to", empty="nothing yet"),
        age_column("last_run_at", "last run", empty="never"),
    )
    filled_by = "The first run of `manage.py load_ctgov FILE` creates it."
