"""Admin of the sponsor resolver's tables, which only the resolver writes."""

from django.contrib import admin

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import age_column, boolean_column, choice_column, value_column
from ncfd_site.adminkit.read_only import ReadOnlyAdmin
from securities.admin.companies import company_column
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

RUN = value_column("run_id", "run")
TRIAL = value_column("nct_id", "trial")
BY_TRIAL = search.by_nct_id("nct_id")
BY_RUN = search.by_text("run_id", "run")
RESOLVER = "The sponsor resolver fills this table."


@admin.register(ResolverDecision)
class ResolverDecisionAdmin(ReadOnlyAdmin):
    """Companies that sponsors were resolved to."""

    list_display = (
        value_column("decision_id", "decision"),
        value_column("sponsor_text", "sponsor"),
        company_column("company"),
        TRIAL,
        value_column("match_type", "match"),
        value_column("p_match", "probability", render=lambda p: f"{p:.3f}", empty="not computed"),
        choice_column("decided_by", "decided by"),
        age_column("decided_at", "decided"),
        RUN,
    )
    list_filter = ("decided_by",)
    search_by = (search.by_key("decision_id", "ID"), BY_TRIAL, BY_RUN)
    filled_by = RESOLVER


@admin.register(ResolverFeature)
class ResolverFeatureAdmin(ReadOnlyAdmin):
    """Compared features of candidate companies."""

    list_display = (
        value_column("rf_id", "comparison"),
        value_column("sponsor_text_norm", "sponsor"),
        company_column("company", "candidate"),
        TRIAL,
        value_column("score_precal", "raw score"),
        value_column("p_calibrated", "probability", render=lambda p: f"{p:.3f}"),
        RUN,
    )
    search_by = (search.by_key("rf_id", "ID"), BY_TRIAL, BY_RUN)
    filled_by = RESOLVER


@admin.register(ReviewQueueItem)
class ReviewQueueItemAdmin(ReadOnlyAdmin):
    """Sponsors that need manual resolution."""

    list_display = (
        value_column("rq_id", "item"),
        value_column("sponsor_text", "sponsor"),
        TRIAL,
        value_column("reason"),
        choice_column("status"),
        age_column("created_at", "queued", order=True),
        age_column("resolved_at", "resolved", empty="not resolved"),
        RUN,
    )
    list_filter = ("status",)
    search_by = (search.by_key("rq_id", "ID"), BY_TRIAL, BY_RUN)
    filled_by = "The sponsor resolver adds what it cannot resolve."


@admin.register(ResolverLabel)
class ResolverLabelAdmin(ReadOnlyAdmin):
    """Training examples of the resolver."""

    list_display = (
        value_column("label_id", "label"),
        value_column("sponsor_text_norm", "sponsor"),
        company_column("company"),
        boolean_column("is_match", "match", yes="is this company", no="is not this company"),
        TRIAL,
        value_column("source"),
        age_column("created_at", "labeled"),
    )
    search_by = (search.by_key("label_id", "ID"), BY_TRIAL)
    filled_by = "Training of the resolver fills this table."


@admin.register(ResolverRule)
class ResolverRuleAdmin(ReadOnlyAdmin):
    """Patterns that resolve a sponsor directly."""

    list_display = (
        value_column("pattern"),
        company_column("company"),
        value_column("method"),
        value_column("priority"),
        age_column("created_at", "created"),
    )
    search_by = (search.by_text("pattern", "pattern"), search.by_key("company_id", "company ID"))
    ordering = ("-priority", "rule_id")
    filled_by = "Operators of the resolver add rules."


@admin.register(ResolverIgnoredSponsor)
class ResolverIgnoredSponsorAdmin(ReadOnlyAdmin):
    """Patterns of sponsors that are not companies."""

    list_display = (value_column("pattern"), value_column("comment"), age_column("created_at", "added"))
    search_by = (search.by_text("pattern", "pattern"),)
    filled_by = "A new database has two patterns."


@admin.register(ResolverFlag)
class ResolverFlagAdmin(ReadOnlyAdmin):
    """Switches of the resolver."""

    list_display = (value_column("key", "flag"), value_column("value"), age_column("created_at", "set"))
    search_by = (search.by_text("key", "flag"),)
    filled_by = "A new database has one flag."


@admin.register(ResolverLLMLog)
class ResolverLLMLogAdmin(ReadOnlyAdmin):
    """Questions to a language model, with its answers."""

    list_display = (
        value_column("llm_id", "question"),
        value_column("sponsor_text", "sponsor"),
        TRIAL,
        choice_column("decision_mode", "decision", empty="none"),
        value_column("confidence"),
        age_column("created_at", "asked"),
        RUN,
    )
    list_filter = ("decision_mode",)
    search_by = (search.by_key("llm_id", "ID"), BY_TRIAL)
    filled_by = RESOLVER
