"""The admin of the review desk: decisions, samples and promotions as they are. What people do with them is on pages."""

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
from ncfd_site.adminkit.filters import fixed_choices_filter, indexed_values_filter
from ncfd_site.adminkit.read_only import ReadOnlyAdmin


def _link(audit_id: Any) -> SafeString:
    # By its address: the link may be gone, and a row of the desk outlives it.
    return format_html('<a href="{}">{}</a>', reverse("admin:linkaudit_linkaudit_change", args=[audit_id]), audit_id)


LINK = value_column("audit_id", "link", render=_link)
HEURISTIC = value_column("heuristic", empty="none")


@admin.register(LinkReview)
class LinkReviewAdmin(ReadOnlyAdmin):
    """Every decision."""

    list_display = (
        value_column("review_id", "review", order=True),
        LINK,
        choice_column("decision"),
        value_column("reviewer"),
        choice_column("mode", "how"),
        age_column("reviewed_at", "said"),
        HEURISTIC,
        value_column("nct_id", "trial"),
        value_column("seconds", empty="not measured"),
    )
    list_filter = (
        fixed_choices_filter(
            "mode", "how", *((mode.value, mode.label, {"mode": mode.value}) for mode in LinkReview.Mode)
        ),
        fixed_choices_filter(
            "decision", "decision", *((one.value, one.label, {"decision": one.value}) for one in LinkReview.Decision)
        ),
        indexed_values_filter("heuristic", "heuristic", nothing="none"),
        indexed_values_filter("reviewer", "reviewer", nothing="unknown"),
    )
    search_by = (search.by_key("review_id", "number"), search.by_key("audit_id", "number of the link"))
    filled_by = "A decision comes here when somebody says something of a link; nobody has so far."


@admin.register(LinkDisagreement)
class LinkDisagreementAdmin(ReadOnlyAdmin):
    """What waits for an adjudicator."""

    list_display = (
        value_column("audit_id", "link"),
        choice_column("reason"),
        HEURISTIC,
        age_column("opened_at", "since"),
    )
    list_filter = (
        fixed_choices_filter(
            "reason", "reason", *((o.value, o.label, {"reason": o.value}) for o in LinkDisagreement.Reason)
        ),
    )
    search_by = (search.by_key("audit_id", "number of the link"),)
    filled_by = "A link comes here when people differ on it, or somebody is unsure; none does now."


@admin.register(ReviewSample)
class ReviewSampleAdmin(ReadOnlyAdmin):
    """Samples that were drawn."""

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
    list_filter = (
        fixed_choices_filter(
            "purpose", "purpose", *((o.value, o.label, {"purpose": o.value}) for o in ReviewSample.Purpose)
        ),
        indexed_values_filter("heuristic", "heuristic"),
    )
    search_by = (search.by_key("sample_id", "number"),)
    filled_by = "An operator draws a sample of a heuristic's links; none was drawn so far."


@admin.register(ReviewSlot)
class ReviewSlotAdmin(ReadOnlyAdmin):
    """The places of samples, in their order."""

    list_display = (
        value_column("slot_id", "number", order=True),
        related_column("sample", "sample_id", "sample"),
        value_column("position"),
        value_column("opinion"),
        LINK,
        choice_column("state"),
        value_column("reviewer", empty="nobody"),
        age_column("done_at", "done", empty="not done"),
        value_column("leased_by", "leased to", empty="nobody"),
        age_column("lease_until", "lease ends", empty="no lease"),
    )
    list_filter = (
        fixed_choices_filter("state", "state", *((o.value, o.label, {"state": o.value}) for o in ReviewSlot.State)),
    )
    search_by = (search.by_key("slot_id", "number"), search.by_key("audit_id", "number of the link"))
    filled_by = "Places come with a sample; none was drawn so far."
    # By the token, a page names the lease of the one who has it.
    fields_hidden = ("lease_token",)

    def get_fields(self, request: Any, obj: Any = None) -> list[Any]:
        return [name for name in super().get_fields(request, obj) if name not in self.fields_hidden]


@admin.register(ReviewSkip)
class ReviewSkipAdmin(ReadOnlyAdmin):
    """What was passed over, and why."""

    list_display = (
        value_column("skip_id", "skip", order=True),
        LINK,
        related_column("slot", "slot_id", "place"),
        value_column("reviewer"),
        value_column("reason"),
        age_column("skipped_at", "skipped"),
    )
    search_by = (search.by_key("skip_id", "number"),)
    filled_by = "A reviewer who cannot judge a link skips it with a reason; nobody has so far."


@register_composite(InterimAnalysis)
class InterimAnalysisAdmin(CompositeAdmin):
    """Looks at the evidence."""

    list_display = (
        value_column("size", "at"),
        related_column("sample", "sample_id", "sample"),
        value_column("error_count", "errors"),
        value_column("alpha"),
        value_column("lower_bound", "lower bound"),
        boolean_column("passed", yes="passed", no="not passed"),
        age_column("analyzed_at", "analyzed"),
    )
    search_by = (search.by_key("sample_id", "number of the sample"),)
    filled_by = "A look is taken when enough places of a sample are settled; none was so far."


@admin.register(LinkPromotion)
class LinkPromotionAdmin(ReadOnlyAdmin):
    """Promotions, and whether they were taken back."""

    list_display = (
        value_column("promotion_id", "promotion", order=True),
        value_column("heuristic"),
        value_column("link_count", "links"),
        value_column("promoted_by", "promoted by"),
        age_column("promoted_at", "promoted"),
        value_column("reason"),
        age_column("reverted_at", "taken back", empty="no"),
    )
    search_by = (search.by_key("promotion_id", "number"),)
    filled_by = "An operator promotes the links of a heuristic whose gate is open; nobody has so far."


@register_composite(LinkPromotionItem)
class LinkPromotionItemAdmin(CompositeAdmin):
    """The links of promotions."""

    list_display = (
        LINK,
        related_column("promotion", "promotion_id", "promotion"),
        value_column("previous_status", "status before"),
        value_column("trial_xref_id", "link of trial", empty="none made"),
    )
    search_by = (
        search.by_key("promotion_id", "number of the promotion"),
        search.by_key("audit_id", "number of the link"),
    )
    filled_by = "Links come here with a promotion."
