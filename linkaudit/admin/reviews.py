"""Admin of reviews and what follows from them: disagreements, samples, interim analyses, precision, promotions."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from linkaudit import queries
from linkaudit.admin.blinded import BlindedAdmin
from linkaudit.models import (
    HeuristicPrecision,
    InterimAnalysis,
    LinkAudit,
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
from ncfd_site.adminkit.links import get_object_url, render_list_link
from ncfd_site.adminkit.read_only import ReadOnlyAdmin, Table
from ncfd_site.core.formatting import render_quiet


def _choices_filter(column: str, options: Any, title: str = "") -> type[FixedChoicesFilter]:
    return fixed_choices_filter(
        column, title or column, *((each.value, each.label, {column: each.value}) for each in options)
    )


# By its URL: the link may have been deleted.
LINK = value_column(
    "audit_id",
    "link",
    render=lambda audit_id: format_html(
        '<a href="{}">{}</a>', reverse("admin:linkaudit_linkaudit_change", args=[audit_id]), audit_id
    ),
)
HEADINGS = (
    "Heuristic",
    "Links",
    "Reviewed",
    "Right",
    "Wrong",
    "Open",
    "Precision",
    "95 % interval",
    "Promotion rule",
    "Chart",
)
RULE = (
    f"The promotion rule requires at least {queries.MIN_LINKS} reviewed links, and a precision of at least "
    f"{100 * queries.MIN_PRECISION:.0f} %. All labels count, for all time."
)
HEURISTIC = value_column("heuristic", empty="none")
SEARCH_BY_LINK = search.by_key("audit_id", "number of the link")


@admin.register(LinkReview)
class LinkReviewAdmin(BlindedAdmin):
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
        _choices_filter("mode", LinkReview.Mode, "entered via"),
        _choices_filter("decision", LinkReview.Decision),
        indexed_values_filter("heuristic", "heuristic", nothing="none"),
        indexed_values_filter("reviewer", "reviewer", nothing="unknown"),
    )
    search_by = (search.by_key("review_id", "number"), SEARCH_BY_LINK)
    filled_by = "Each decision on a link adds one."


@admin.register(LinkDisagreement)
class LinkDisagreementAdmin(BlindedAdmin):
    """Links awaiting adjudication."""

    list_display = (
        value_column("audit_id", "link"),
        choice_column("reason"),
        HEURISTIC,
        age_column("opened_at", "since"),
    )
    list_filter = (_choices_filter("reason", LinkDisagreement.Reason),)
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
    list_filter = (_choices_filter("purpose", ReviewSample.Purpose), indexed_values_filter("heuristic", "heuristic"))
    search_by = (search.by_key("sample_id", "number"),)
    filled_by = "Operators draw samples on the page of a heuristic."


@admin.register(ReviewSlot)
class ReviewSlotAdmin(BlindedAdmin):
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
    list_filter = (_choices_filter("state", ReviewSlot.State),)
    search_by = (search.by_key("slot_id", "number"), SEARCH_BY_LINK)
    filled_by = "A sample has one item for each opinion."

    def get_fields(self, request: Any, obj: Any = None) -> list[Any]:
        # The token gives access to the lease.
        return [name for name in super().get_fields(request, obj) if name != "lease_token"]


@admin.register(ReviewSkip)
class ReviewSkipAdmin(BlindedAdmin):
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


@admin.register(HeuristicPrecision)
class HeuristicPrecisionAdmin(ReadOnlyAdmin):
    """Results of `get_heuristic_precision` and `can_auto_promote_heuristic` for each heuristic."""

    list_display = ()
    list_display_links = None
    ordering = ("heuristic_applied",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        # Not the view, which reads all links; the function reads an index for each heuristic.
        return self._render_precision_page(request, "Heuristic precision", queries.list_statuses())

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        name = admin.utils.unquote(object_id)
        if not self.has_view_permission(request):
            raise PermissionDenied
        status = queries.read_status(name)
        if status is None:
            return self.redirect_missing(request, name)
        return self._render_precision_page(request, f"Heuristic {name}", [status], is_single=True)

    def _render_precision_page(
        self, request: HttpRequest, title: str, statuses: list[queries.HeuristicStatus], **context: Any
    ) -> HttpResponse:
        table = Table(
            "Precision",
            HEADINGS,
            [_build_precision_row(status) for status in statuses],
            "No heuristic has proposed a link yet. `manage.py load_ctgov FILE` adds links of HP-2.",
            note=RULE,
        )
        return self.render_page(request, "linkaudit/heuristicprecision/list.html", title, table=table, **context)


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
        boolean_column("has_sample_evidence", "sample evidence", yes="yes", no="overridden", unknown="not recorded"),
        age_column("reverted_at", "reverted", empty="no"),
    )
    search_by = (search.by_key("promotion_id", "number"),)
    filled_by = "Operators promote the links of a heuristic that meets the promotion rule."


@register_composite(LinkPromotionItem)
class LinkPromotionItemAdmin(BlindedAdmin, CompositeAdmin):
    """Links of promotions."""

    list_display = (
        LINK,
        related_column("promotion", "promotion_id", "promotion"),
        value_column("previous_status", "previous status"),
        value_column("trial_xref_id", "trial asset", empty="none created"),
    )
    search_by = (search.by_key("promotion_id", "number of the promotion"), SEARCH_BY_LINK)
    filled_by = "A promotion adds one for each link."


def _build_precision_row(status: queries.HeuristicStatus) -> tuple[Any, ...]:
    name, interval, needed = status.heuristic, status.interval, status.needed_links
    not_reviewed = render_quiet("not reviewed")
    return (
        format_html('<a href="{}">{}</a>', get_object_url(HeuristicPrecision(heuristic_applied=name)), name),
        _render_link_count(name, status.total_links),
        status.reviewed_links,
        _render_link_count(name, status.correct_links, label="right"),
        _render_link_count(name, status.incorrect_links, label="wrong"),
        _render_link_count(name, status.unreviewed_links, label="open"),
        not_reviewed
        if status.precision_rate is None
        else f"{status.precision_rate:.2%}: {status.correct_links:,} of {status.reviewed_links:,}",
        f"{interval.low:.1%} to {interval.high:.1%}" if interval else not_reviewed,
        "met" if status.can_promote else f"not met: needs {needed:,} more correct",
        format_html(
            '<a href="{}" aria-label="Chart of {}">on the site</a>', reverse("linkaudit:heuristic", args=[name]), name
        ),
    )


def _render_link_count(heuristic: str, count: int, **condition: str) -> SafeString:
    """Render a number of links as a link to the list of the heuristic's links with this condition."""
    return render_list_link(LinkAudit, f"{count:,}", heuristic_applied=heuristic, **condition)
