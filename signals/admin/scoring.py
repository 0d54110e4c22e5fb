"""Admin of signals, gates and scores."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import Column, age_column, boolean_column, choice_column, related_column, value_column
from ncfd_site.adminkit.filters import boolean_filter, fixed_choices_filter
from ncfd_site.adminkit.read_only import ReadOnlyAdmin, Table
from ncfd_site.core import formatting
from signals import queries
from signals.admin.score_tables import (
    build_breakdown_table,
    build_gates_table,
    build_scoring_tables,
    build_support_table,
    format_current_score,
    format_gate_state,
)
from signals.admin.trials import BY_TRIAL, PIPELINE, TRIAL
from signals.models import Gate, Score, ScoreRun, Signal, SignalEvaluation, TrialCurrentScore
from signals.scoring.table import scoring_table

RISKS = (
    ("97", "≥ 97 %", {"p_fail__gte": "0.97"}),
    ("75", "75 to 97 %", {"p_fail__gte": "0.75", "p_fail__lt": "0.97"}),
    ("50", "50 to 75 %", {"p_fail__gte": "0.50", "p_fail__lt": "0.75"}),
    ("0", "< 50 %", {"p_fail__lt": "0.50"}),
)


@admin.register(Signal)
class SignalAdmin(ReadOnlyAdmin):
    """Warning signs of trials."""

    list_display = (
        choice_column("s_id", "signal"),
        TRIAL,
        choice_column("severity"),
        value_column("value", empty="none"),
        related_column("source_study", "study_id", "study", empty="none"),
        age_column("fired_at", "fired", order=True),
    )
    list_filter = ("s_id", "severity")
    search_by = (BY_TRIAL, search.by_key("signal_id", "ID"))
    filled_by = PIPELINE
    fieldsets = (
        ("Signal", {"fields": ("trial", "s_id", "severity", "value", "fired_at")}),
        ("Evidence", {"fields": ("evidence_span", "source_study")}),
        ("Row", {"fields": ("signal_id", "metadata")}),
    )

    def get_tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Return the gates that the signal supports."""
        gates = queries.list_supported_gates(row)
        return [build_gates_table(gates, "Supported gates", "No gate of this trial names this signal.")]


@admin.register(Gate)
class GateAdmin(ReadOnlyAdmin):
    """Combinations of signals."""

    list_display = (
        choice_column("g_id", "gate"),
        TRIAL,
        boolean_column("fired_bool", "state", yes="fired", no="did not fire"),
        value_column("lr_used", "likelihood ratio", empty="none"),
        value_column("supporting_s_ids", "supported by", render=", ".join, empty="none"),
        age_column("evaluated_at", "evaluated"),
    )
    list_filter = ("g_id", boolean_filter("fired_bool", "state", "fired", "did not fire"))
    search_by = (BY_TRIAL, search.by_key("gate_id", "ID"))
    filled_by = PIPELINE
    fieldsets = (
        ("Gate", {"fields": ("trial", "g_id", "state", "lr_used", "evaluated_at")}),
        ("Reason", {"fields": ("rationale_text", "supporting")}),
        ("Row", {"fields": ("gate_id", "metadata")}),
    )

    @admin.display(description="state")
    def state(self, row: Any) -> str:
        """Return fired or did not fire."""
        return format_gate_state(row)

    @admin.display(description="supporting signals")
    def supporting(self, row: Any) -> str:
        """Return the codes of the supporting signals."""
        return ", ".join(row.supporting_s_ids or ()) or "none"

    def get_tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Return the supporting signals."""
        return [build_support_table(row)]


@admin.register(Score)
class ScoreAdmin(ReadOnlyAdmin):
    """Probabilities of failure, run by run."""

    list_display = (
        Column(
            "p_fail", "P(failure)", lambda row: formatting.format_percent(row.p_fail), reads=("p_fail",), order="p_fail"
        ),
        TRIAL,
        value_column("prior_pi", "prior", render=formatting.format_percent),
        value_column("sum_log_lr", "sum of ln(LR)"),
        value_column("run_id", "run"),
        age_column("features_frozen_at", "frozen", empty="not frozen"),
        age_column("scored_at", "scored", order=True),
    )
    list_filter = (fixed_choices_filter("p_fail", "P(failure)", *RISKS),)
    search_by = (BY_TRIAL, search.by_text("run_id", "run"), search.by_key("score_id", "ID"))
    filled_by = "`manage.py score_trials --run-id RUN` scores all trials; pipelines may add scores too."
    change_list_template = "admin/signals/score/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """Add the page of the scoring table."""
        view = self.admin_view(self.table_view)
        return [path("table/", view, name=self.get_url_name("table")), *super().get_urls()]

    def table_view(self, request: HttpRequest) -> HttpResponse:
        """Show priors, likelihood ratios and stop rules to users who may view scores."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        table = scoring_table()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Scoring table",
            "media": self.media,
            "version": table.version,
            "freeze_days": table.freeze_days,
            "floor": table.floor,
            "tables": build_scoring_tables(table),
        }
        return TemplateResponse(request, "admin/signals/score/table.html", context)

    def get_tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Return the score breakdown and the current gates of the trial."""
        gates = queries.list_gates([row.trial_id])
        return [
            build_breakdown_table(row, queries.compute_breakdown(row, gates)),
            build_gates_table(gates, "Current gates of the trial"),
        ]


@admin.register(ScoreRun)
class ScoreRunAdmin(ReadOnlyAdmin):
    """Runs of score_trials and their state."""

    list_display = (
        value_column("run_id", "run"),
        choice_column("state"),
        value_column("trial_count", "trials", empty="not known"),
        value_column("table_version", empty="not recorded"),
        age_column("moment", "as of", empty="not complete", order=True),
        age_column("finished_at", "finished", empty="not recorded"),
        age_column("pruned_at", "pruned", empty="not pruned"),
    )
    list_filter = ("state",)
    search_by = (search.by_text("run_id", "run"),)
    filled_by = "`manage.py score_trials --run-id RUN` records its runs; runs of other programs have no row."


@admin.register(SignalEvaluation)
class SignalEvaluationAdmin(ReadOnlyAdmin):
    """Results of evaluating signals, fired or not."""

    list_display = (
        choice_column("s_id", "signal"),
        TRIAL,
        choice_column("outcome"),
        value_column("reason"),
        value_column("evaluated_by"),
        age_column("evaluated_at", "evaluated"),
    )
    list_filter = ("s_id", "outcome")
    search_by = (BY_TRIAL, search.by_key("evaluation_id", "ID"))
    filled_by = "`manage.py fire_registry_signals` evaluates the registry signals; pipelines add the others."


@admin.register(TrialCurrentScore)
class TrialCurrentScoreAdmin(ReadOnlyAdmin):
    """Current score of each trial, with the one before."""

    list_display = (
        Column("p_fail", "P(failure)", format_current_score, reads=("p_fail",), order="p_fail"),
        TRIAL,
        value_column("change", empty="none"),
        value_column("run_id", "run", empty="not scored"),
        value_column("previous_run_id", "previous run", empty="none"),
        age_column("scored_at", "scored", empty="not scored"),
    )
    list_filter = (fixed_choices_filter("p_fail", "P(failure)", *RISKS),)
    search_by = (BY_TRIAL,)
    filled_by = "Each trial has a row; `manage.py load_ctgov PATH` loads trials."
