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
from ncfd_site.adminkit.columns import (
    choice,
    related,
    value,
    when,
    words,
)
from ncfd_site.adminkit.composite import CompositeAdmin, register_composite
from ncfd_site.adminkit.filters import choices, known_values
from ncfd_site.adminkit.tables import ReadOnlyAdmin


def _link(audit_id: Any) -> SafeString:
    # By its address: the link may be gone, and a row of the desk outlives it.
    return format_html('<a href="{}">{}</a>', reverse("admin:linkaudit_linkaudit_change", args=[audit_id]), audit_id)


LINK = value("audit_id", "link", draw=_link)
HEURISTIC = value("heuristic", empty="none")


@admin.register(LinkReview)
class LinkReviewAdmin(ReadOnlyAdmin):
    """Every decision."""

    list_display = (
        value("review_id", "review", order=True),
        LINK,
        choice("decision"),
        value("reviewer"),
        choice("mode", "how"),
        when("reviewed_at", "said"),
        HEURISTIC,
        value("nct_id", "trial"),
        value("seconds", empty="not measured"),
    )
    list_filter = (
        choices("mode", "how", *((mode.value, mode.label, {"mode": mode.value}) for mode in LinkReview.Mode)),
        choices(
            "decision", "decision", *((one.value, one.label, {"decision": one.value}) for one in LinkReview.Decision)
        ),
        known_values("heuristic", "heuristic", nothing="none"),
        known_values("reviewer", "reviewer", nothing="unknown"),
    )
    search_by = (search.key("review_id", "number"), search.key("audit_id", "number of the link"))
    filled_by = "A decision comes here when somebody says something of a link; nobody has so far."


@admin.register(LinkDisagreement)
class LinkDisagreementAdmin(ReadOnlyAdmin):
    """What waits for an adjudicator."""

    list_display = (value("audit_id", "link"), choice("reason"), HEURISTIC, when("opened_at", "since"))
    list_filter = (
        choices("reason", "reason", *((o.value, o.label, {"reason": o.value}) for o in LinkDisagreement.Reason)),
    )
    search_by = (search.key("audit_id", "number of the link"),)
    filled_by = "A link comes here when people differ on it, or somebody is unsure; none does now."


@admin.register(ReviewSample)
class ReviewSampleAdmin(ReadOnlyAdmin):
    """Samples that were drawn."""

    list_display = (
        value("sample_id", "sample", order=True),
        value("heuristic"),
        choice("purpose"),
        value("size"),
        value("population"),
        value("second_share"),
        value("drawn_by", "drawn by"),
        when("drawn_at", "drawn"),
        when("closed_at", "closed", empty="open"),
    )
    list_filter = (
        choices("purpose", "purpose", *((o.value, o.label, {"purpose": o.value}) for o in ReviewSample.Purpose)),
        known_values("heuristic", "heuristic"),
    )
    search_by = (search.key("sample_id", "number"),)
    filled_by = "An operator draws a sample of a heuristic's links; none was drawn so far."


@admin.register(ReviewSlot)
class ReviewSlotAdmin(ReadOnlyAdmin):
    """The places of samples, in their order."""

    list_display = (
        value("slot_id", "number", order=True),
        related("sample", "sample_id", "sample"),
        value("position"),
        value("opinion"),
        LINK,
        choice("state"),
        value("reviewer", empty="nobody"),
        when("done_at", "done", empty="not done"),
        value("leased_by", "leased to", empty="nobody"),
        when("lease_until", "lease ends", empty="no lease"),
    )
    list_filter = (choices("state", "state", *((o.value, o.label, {"state": o.value}) for o in ReviewSlot.State)),)
    search_by = (search.key("slot_id", "number"), search.key("audit_id", "number of the link"))
    filled_by = "Places come with a sample; none was drawn so far."
    # By the token, a page names the lease of the one who has it.
    fields_hidden = ("lease_token",)

    def get_fields(self, request: Any, obj: Any = None) -> list[Any]:
        return [name for name in super().get_fields(request, obj) if name not in self.fields_hidden]


@admin.register(ReviewSkip)
class ReviewSkipAdmin(ReadOnlyAdmin):
    """What was passed over, and why."""

    list_display = (
        value("skip_id", "skip", order=True),
        LINK,
        related("slot", "slot_id", "place"),
        value("reviewer"),
        value("reason"),
        when("skipped_at", "skipped"),
    )
    search_by = (search.key("skip_id", "number"),)
    filled_by = "A reviewer who cannot judge a link skips it with a reason; nobody has so far."


@register_composite(InterimAnalysis)
class InterimAnalysisAdmin(CompositeAdmin):
    """Looks at the evidence."""

    list_display = (
        value("size", "at"),
        related("sample", "sample_id", "sample"),
        value("error_count", "errors"),
        value("alpha"),
        value("lower_bound", "lower bound"),
        words("passed", yes="passed", no="not passed"),
        when("analyzed_at", "analyzed"),
    )
    search_by = (search.key("sample_id", "number of the sample"),)
    filled_by = "A look is taken when enough places of a sample are settled; none was so far."


@admin.register(LinkPromotion)
class LinkPromotionAdmin(ReadOnlyAdmin):
    """Promotions, and whether they were taken back."""

    list_display = (
        value("promotion_id", "promotion", order=True),
        value("heuristic"),
        value("link_count", "links"),
        value("promoted_by", "promoted by"),
        when("promoted_at", "promoted"),
        value("reason"),
        when("reverted_at", "taken back", empty="no"),
    )
    search_by = (search.key("promotion_id", "number"),)
    filled_by = "An operator promotes the links of a heuristic whose gate is open; nobody has so far."


@register_composite(LinkPromotionItem)
class LinkPromotionItemAdmin(CompositeAdmin):
    """The links of promotions."""

    list_display = (
        LINK,
        related("promotion", "promotion_id", "promotion"),
        value("previous_status", "status before"),
        value("trial_xref_id", "link of trial", empty="none made"),
    )
    search_by = (
        search.key("promotion_id", "number of the promotion"),
        search.key("audit_id", "number of the link"),
    )
    filled_by = "Links come here with a promotion."
