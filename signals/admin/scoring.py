"""The admin of signals, gates and scores."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import (
    Column,
    choice,
    related,
    value,
    when,
    words,
)
from ncfd_site.adminkit.filters import choices, yes_no
from ncfd_site.adminkit.tables import ReadOnlyAdmin, Table
from ncfd_site.core import formatting
from signals import queries
from signals.admin import risk
from signals.admin.columns import BY_TRIAL, PIPELINE, TRIAL
from signals.admin.scoring_table import build_tables
from signals.models import Gate, Score, Signal, SignalEvaluation, TrialCurrentScore
from signals.scoring.table import scoring_table

RISKS = (
    ("97", "97 % and more", {"p_fail__gte": "0.97"}),
    ("75", "75 % to 97 %", {"p_fail__gte": "0.75", "p_fail__lt": "0.97"}),
    ("50", "50 % to 75 %", {"p_fail__gte": "0.50", "p_fail__lt": "0.75"}),
    ("0", "below 50 %", {"p_fail__lt": "0.50"}),
)


@admin.register(Signal)
class SignalAdmin(ReadOnlyAdmin):
    """What was noticed about a trial."""

    list_display = (
        choice("s_id", "signal"),
        TRIAL,
        choice("severity"),
        value("value", empty="none"),
        related("source_study", "study_id", "study", empty="none"),
        when("fired_at", "fired", order=True),
    )
    list_filter = ("s_id", "severity")
    search_by = (BY_TRIAL, search.key("signal_id", "number"))
    filled_by = PIPELINE
    fieldsets = (
        ("Signal", {"fields": ("trial", "s_id", "severity", "value", "fired_at")}),
        ("Evidence", {"fields": ("evidence_span", "source_study")}),
        ("Row", {"fields": ("signal_id", "metadata")}),
    )

    def tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """The gates that this signal supports."""
        gates = queries.list_supported_gates(row)
        return [risk.gates_table(gates, "Gates that it supports", "No gate of this trial names this signal.")]


@admin.register(Gate)
class GateAdmin(ReadOnlyAdmin):
    """Combinations of signals."""

    list_display = (
        choice("g_id", "gate"),
        TRIAL,
        words("fired_bool", "state", yes="fired", no="did not fire"),
        value("lr_used", "likelihood ratio", empty="none"),
        value("supporting_s_ids", "supported by", draw=", ".join, empty="none"),
        when("evaluated_at", "evaluated"),
    )
    list_filter = ("g_id", yes_no("fired_bool", "state", "fired", "did not fire"))
    search_by = (BY_TRIAL, search.key("gate_id", "number"))
    filled_by = PIPELINE
    fieldsets = (
        ("Gate", {"fields": ("trial", "g_id", "state", "lr_used", "evaluated_at")}),
        ("Why", {"fields": ("rationale_text", "supporting")}),
        ("Row", {"fields": ("gate_id", "metadata")}),
    )

    @admin.display(description="state")
    def state(self, row: Any) -> str:
        """Whether it fired."""
        return risk.fired(row)

    @admin.display(description="supporting signals")
    def supporting(self, row: Any) -> str:
        """The codes that it names."""
        return ", ".join(row.supporting_s_ids or ()) or "none"

    def tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """The signals that support this gate."""
        return risk.gate_support(row)


@admin.register(Score)
class ScoreAdmin(ReadOnlyAdmin):
    """How likely each trial is to fail."""

    list_display = (
        Column(
            "p_fail", "P(fail)", lambda row: formatting.format_percent(row.p_fail), reads=("p_fail",), order="p_fail"
        ),
        TRIAL,
        value("prior_pi", "prior", draw=formatting.format_percent),
        value("sum_log_lr", "sum of ln(LR)"),
        value("run_id", "run"),
        when("features_frozen_at", "frozen", empty="not frozen"),
        when("scored_at", "scored", order=True),
    )
    list_filter = (choices("p_fail", "P(fail)", *RISKS),)
    search_by = (BY_TRIAL, search.exact("run_id", "run"), search.key("score_id", "number"))
    filled_by = "manage.py score_trials --run-id R scores every trial; the pipelines may too."
    change_list_template = "admin/signals/score/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        """The pages of the scores, and the table by which trials are scored."""
        view = self.admin_view(self.table_view)
        return [path("table/", view, name=self.url_name("table")), *super().get_urls()]

    def table_view(self, request: HttpRequest) -> HttpResponse:
        """Priors, likelihood ratios and stop rules, for all who may see scores."""
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
            "tables": build_tables(table),
        }
        return TemplateResponse(request, "admin/signals/score/table.html", context)

    def tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """How the score comes about, and the gates of the trial."""
        gates = queries.list_gates([row.trial_id])
        return [
            *risk.account_tables(row, queries.compute_breakdown(row)),
            risk.gates_table(gates, "Gates of the trial today"),
        ]


@admin.register(SignalEvaluation)
class SignalEvaluationAdmin(ReadOnlyAdmin):
    """Which signals were evaluated, and did not fire or could not be evaluated."""

    list_display = (
        choice("s_id", "signal"),
        TRIAL,
        choice("outcome"),
        value("reason"),
        value("evaluated_by"),
        when("evaluated_at", "evaluated"),
    )
    list_filter = ("s_id", "outcome")
    search_by = (BY_TRIAL, search.key("evaluation_id", "number"))
    filled_by = "Nothing was evaluated yet: manage.py fire_registry_signals evaluates what the registry alone decides."


@admin.register(TrialCurrentScore)
class TrialStandingAdmin(ReadOnlyAdmin):
    """How each trial stands."""

    list_display = (
        Column("p_fail", "P(fail)", risk.standing, reads=("p_fail",), order="p_fail"),
        TRIAL,
        value("change", empty="none"),
        value("run_id", "run", empty="not scored"),
        value("previous_run_id", "run before", empty="none"),
        when("scored_at", "scored", empty="not scored"),
    )
    list_filter = (choices("p_fail", "P(fail)", *RISKS),)
    search_by = (BY_TRIAL,)
    filled_by = "There is a row for each trial: load trials with manage.py load_ctgov PATH."
