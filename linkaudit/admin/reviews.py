"""Admin of the review desk: decisions, disagreements, samples, interim analyses and promotions, read-only."""

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from linkaudit.models import (
    InterimAnalysis,
    LinkDisagreement,
    LinkPromotion,
    LinkPromotionItem,
    LinkReview,
    ReviewSample,
    ReviewSkip,
    ReviewSlot,
)
from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import age_column, boolean_column, choice_column, related_column, value_column
from ncfd_site.adminkit.composite_keys import CompositeAdmin, register_composite
from ncfd_site.adminkit.filters import FixedChoicesFilter, fixed_choices_filter, indexed_values_filter
from ncfd_site.adminkit.read_only import ReadOnlyAdmin


def _link(audit_id: Any) -> SafeString:
    # By its URL: the link may have been deleted.
    return format_html('<a href="{}">{}</a>', reverse("admin:linkaudit_linkaudit_change", args=[audit_id]), audit_id)


def _choices(column: str, options: Any, title: str = "") -> type[FixedChoicesFilter]:
    return fixed_choices_filter(
        column, title or column, *((each.value, each.label, {column: each.value}) for each in options)
    )


LINK = value_column("audit_id", "link", render=_link)
HEURISTIC = value_column("heuristic", empty="none")
SEARCH_BY_LINK = search.by_key("audit_id", "number of the link")


@admin.register(LinkReview)
class LinkReviewAdmin(ReadOnlyAdmin):
    """Decisions."""

    list_display = (
        value_column("review_id", "review", order=True),
        LINK,
        choice_column("decision"),
        value_column("reviewer"),
        choice_column("mode", "entered via"),
        age_column("reviewed_at", "reviewed"),
        HEURISTIC,
        value_column("nct_id", "trial"),
        value_column("seconds", empty="not measured"),
    )
    list_filter = (
        _choices("mode", LinkReview.Mode, "entered via"),
        _choices("decision", LinkReview.Decision),
        indexed_values_filter("heuristic", "heuristic", nothing="none"),
        indexed_values_filter("reviewer", "reviewer", nothing="unknown"),
    )
    search_by = (search.by_key("review_id", "number"), SEARCH_BY_LINK)
    filled_by = "Each decision on a link adds one."


@admin.register(LinkDisagreement)
class LinkDisagreementAdmin(ReadOnlyAdmin):
    """Links awaiting adjudication."""

    list_display = (
        value_column("audit_id", "link"),
        choice_column("reason"),
        HEURISTIC,
        age_column("opened_at", "since"),
    )
    list_filter = (_choices("reason", LinkDisagreement.Reason),)
    search_by = (SEARCH_BY_LINK,)
    filled_by = "Conflicting and unsure decisions add one; an adjudication removes it."


@admin.register(ReviewSample)
class ReviewSampleAdmin(ReadOnlyAdmin):
    """Samples."""

    list_display = (
        value_column("sample_id", "sample", order=True),
        value_column("heuristic"),
        choice_column("purpose"),
        value_column("size"),
        value_column("population"),
        value_column("second_share"),
        value_column("drawn_by", "drawn by"),
        age_column("drawn_at", "drawn"),
        age_column("closed_at", "closed", empty="open"),
    )
    list_filter = (_choices("purpose", ReviewSample.Purpose), indexed_values_filter("heuristic", "heuristic"))
    search_by = (search.by_key("sample_id", "number"),)
    filled_by = "Operators draw samples on the page of a heuristic."


@admin.register(ReviewSlot)
class ReviewSlotAdmin(ReadOnlyAdmin):
    """Items of samples, in their order."""

    list_display = (
        value_column("slot_id", "number", order=True),
        related_column("sample", "sample_id", "sample"),
        value_column("position"),
        value_column("opinion"),
        LINK,
        choice_column("state"),
        value_column("reviewer", empty="none"),
        age_column("done_at", "done", empty="not done"),
        value_column("leased_by", "leased to", empty="none"),
        age_column("lease_until", "lease ends", empty="no lease"),
    )
    list_filter = (_choices("state", ReviewSlot.State),)
    search_by = (search.by_key("slot_id", "number"), SEARCH_BY_LINK)
    filled_by = "A sample has one item for each opinion."

    def get_fields(self, request: Any, obj: Any = None) -> list[Any]:
        # The token gives access to the lease.
        return [name for name in super().get_fields(request, obj) if name != "lease_token"]


@admin.register(ReviewSkip)
class ReviewSkipAdmin(ReadOnlyAdmin):
    """Skipped items with their reasons."""

    list_display = (
        value_column("skip_id", "skip", order=True),
        LINK,
        related_column("slot", "slot_id", "item"),
        value_column("reviewer"),
        value_column("reason"),
        age_column("skipped_at", "skipped"),
    )
    search_by = (search.by_key("skip_id", "number"),)
    filled_by = "Reviewers add one when they skip a link."


@register_composite(InterimAnalysis)
class InterimAnalysisAdmin(CompositeAdmin):
    """Interim analyses of samples."""

    list_display = (
        value_column("size", "sample size"),
        related_column("sample", "sample_id", "sample"),
        value_column("error_count", "errors"),
        value_column("alpha"),
        value_column("lower_bound", "lower bound"),
        boolean_column("passed", yes="passed", no="not passed"),
        age_column("analyzed_at", "analyzed"),
    )
    search_by = (search.by_key("sample_id", "number of the sample"),)
    filled_by = "An analysis runs when all items up to its sample size are resolved."


@admin.register(LinkPromotion)
class LinkPromotionAdmin(ReadOnlyAdmin):
    """Promotions."""

    list_display = (
        value_column("promotion_id", "promotion", order=True),
        value_column("heuristic"),
        value_column("link_count", "links"),
        value_column("promoted_by", "promoted by"),
        age_column("promoted_at", "promoted"),
        value_column("reason"),
        age_column("reverted_at", "reverted", empty="no"),
    )
    search_by = (search.by_key("promotion_id", "number"),)
    filled_by = "Operators promote the links of a heuristic that meets the promotion rule."


@register_composite(LinkPromotionItem)
class LinkPromotionItemAdmin(CompositeAdmin):
    """Links of promotions."""

    list_display = (
        LINK,
        related_column("promotion", "promotion_id", "promotion"),
        value_column("previous_status", "previous status"),
        value_column("trial_xref_id", "trial asset", empty="none created"),
    )
    search_by = (search.by_key("promotion_id", "number of the promotion"), SEARCH_BY_LINK)
    filled_by = "A promotion adds one for each link."
