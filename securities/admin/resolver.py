"""Admin of the sponsor resolver's tables, which only the resolver writes."""

from django.contrib import admin

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import (
    choice,
    value,
    when,
    words,
)
from ncfd_site.adminkit.tables import ReadOnlyAdmin
from securities.admin.companies import company_name
from securities.models import (
    ResolverDecision,
    ResolverFeature,
    ResolverFlag,
    ResolverIgnoredSponsor,
    ResolverLabel,
    ResolverLLMLog,
    ResolverRule,
    ReviewQueueItem,
)

RUN = value("run_id", "run")
TRIAL = value("nct_id", "trial")
BY_TRIAL = search.trial_number("nct_id")
BY_RUN = search.exact("run_id", "run")
RESOLVER = "The sponsor resolver fills this table."


@admin.register(ResolverDecision)
class ResolverDecisionAdmin(ReadOnlyAdmin):
    """Companies that sponsors were resolved to."""

    list_display = (
        value("decision_id", "decision"),
        value("sponsor_text", "sponsor"),
        company_name("company"),
        TRIAL,
        value("match_type", "match"),
        value("p_match", "probability", draw=lambda p: f"{p:.3f}", empty="not computed"),
        choice("decided_by", "decided by"),
        when("decided_at", "decided"),
        RUN,
    )
    list_filter = ("decided_by",)
    search_by = (search.key("decision_id", "ID"), BY_TRIAL, BY_RUN)
    filled_by = RESOLVER


@admin.register(ResolverFeature)
class ResolverFeatureAdmin(ReadOnlyAdmin):
    """Compared features of candidate companies."""

    list_display = (
        value("rf_id", "comparison"),
        value("sponsor_text_norm", "sponsor"),
        company_name("company", "candidate"),
        TRIAL,
        value("score_precal", "raw score"),
        value("p_calibrated", "probability", draw=lambda p: f"{p:.3f}"),
        RUN,
    )
    search_by = (search.key("rf_id", "ID"), BY_TRIAL, BY_RUN)
    filled_by = RESOLVER


@admin.register(ReviewQueueItem)
class ReviewQueueItemAdmin(ReadOnlyAdmin):
    """Sponsors that need manual resolution."""

    list_display = (
        value("rq_id", "item"),
        value("sponsor_text", "sponsor"),
        TRIAL,
        value("reason"),
        choice("status"),
        when("created_at", "queued", order=True),
        when("resolved_at", "resolved", empty="not resolved"),
        RUN,
    )
    list_filter = ("status",)
    search_by = (search.key("rq_id", "ID"), BY_TRIAL, BY_RUN)
    filled_by = "The sponsor resolver adds what it cannot resolve."


@admin.register(ResolverLabel)
class ResolverLabelAdmin(ReadOnlyAdmin):
    """Training examples of the resolver."""

    list_display = (
        value("label_id", "label"),
        value("sponsor_text_norm", "sponsor"),
        company_name("company"),
        words("is_match", "match", yes="is this company", no="is not this company"),
        TRIAL,
        value("source"),
        when("created_at", "labeled"),
    )
    search_by = (search.key("label_id", "ID"), BY_TRIAL)
    filled_by = "Training of the resolver fills this table."


@admin.register(ResolverRule)
class ResolverRuleAdmin(ReadOnlyAdmin):
    """Patterns that resolve a sponsor directly."""

    list_display = (
        value("pattern"),
        company_name("company"),
        value("method"),
        value("priority"),
        when("created_at", "created"),
    )
    search_by = (search.exact("pattern", "pattern"), search.key("company_id", "company ID"))
    ordering = ("-priority", "rule_id")
    filled_by = "Operators of the resolver add rules."


@admin.register(ResolverIgnoredSponsor)
class ResolverIgnoredSponsorAdmin(ReadOnlyAdmin):
    """Patterns of sponsors that are not companies."""

    list_display = (value("pattern"), value("comment"), when("created_at", "added"))
    search_by = (search.exact("pattern", "pattern"),)
    filled_by = "A new database has two patterns."


@admin.register(ResolverFlag)
class ResolverFlagAdmin(ReadOnlyAdmin):
    """Switches of the resolver."""

    list_display = (value("key", "flag"), value("value"), when("created_at", "set"))
    search_by = (search.exact("key", "flag"),)
    filled_by = "A new database has one flag."


@admin.register(ResolverLLMLog)
class ResolverLLMLogAdmin(ReadOnlyAdmin):
    """Questions to a language model, with its answers."""

    list_display = (
        value("llm_id", "question"),
        value("sponsor_text", "sponsor"),
        TRIAL,
        choice("decision_mode", "decision", empty="none"),
        value("confidence"),
        when("created_at", "asked"),
        RUN,
    )
    list_filter = ("decision_mode",)
    search_by = (search.key("llm_id", "ID"), BY_TRIAL)
    filled_by = RESOLVER
