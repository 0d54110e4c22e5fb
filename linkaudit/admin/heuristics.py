"""The admin of heuristics: how often each is right, and whether its links may be promoted, as the database says."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from linkaudit import queries
from linkaudit.models import HeuristicPrecision, LinkAudit
from ncfd_site.adminkit.links import get_object_url, render_list_link
from ncfd_site.adminkit.read_only import ReadOnlyAdmin, Table
from ncfd_site.core.formatting import render_quiet

HEADINGS = (
    "Heuristic",
    "Links",
    "Reviewed",
    "Right",
    "Wrong",
    "Open",
    "Precision",
    "95% interval",
    "May be promoted",
    "Chart",
)
GATE = (
    f"Links of a heuristic may be promoted when at least {queries.MIN_LINKS} are reviewed and at least "
    f"{queries.MIN_PRECISION:.0%} of these are right. Counted now, over all dates."
)


@admin.register(HeuristicPrecision)
class HeuristicPrecisionAdmin(ReadOnlyAdmin):
    """What `get_heuristic_precision` and `can_auto_promote_heuristic` say of each heuristic."""

    list_display = ()
    list_display_links = None
    ordering = ("heuristic_applied",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        # Not the view: that counts every heuristic by reading all links, the function reads an index for each.
        return self._page(request, "Precision of heuristics", queries.heuristics())

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        name = admin.utils.unquote(object_id)
        if not self.has_view_permission(request):
            raise PermissionDenied
        standing = None if "\0" in name else queries.heuristic_standing(name)
        if standing is None:
            return self.redirect_missing(request, name)
        return self._page(request, f"Heuristic {name}", [standing], one=True)

    def _page(
        self, request: HttpRequest, title: str, standings: list[queries.HeuristicStanding], **context: Any
    ) -> HttpResponse:
        table = Table(
            "Standing",
            HEADINGS,
            [_row(standing) for standing in standings],
            "No heuristic has proposed a link yet. `manage.py load_ctgov FILE` proposes those of HP-2.",
            note=GATE,
        )
        common = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "media": self.media,
            "table": table,
        }
        return TemplateResponse(request, "admin/linkaudit/heuristicprecision/standing.html", {**common, **context})


def _row(standing: queries.HeuristicStanding) -> tuple[Any, ...]:
    name = standing.heuristic
    page = get_object_url(HeuristicPrecision(heuristic_applied=name))
    site = reverse("linkaudit:heuristic", args=[name])
    return (
        format_html('<a href="{}">{}</a>', page, name),
        _links(name, standing.total_links),
        standing.reviewed_links,
        _links(name, standing.correct_links, label="right"),
        _links(name, standing.incorrect_links, label="wrong"),
        _links(name, standing.unreviewed_links, label="open"),
        _rate(standing),
        _interval(standing),
        "yes" if standing.can_promote else _wanting(standing),
        format_html('<a href="{}" aria-label="Page of {} on the site">on the site</a>', site, name),
    )


def _links(name: str, count: int, **condition: str) -> SafeString:
    return render_list_link(LinkAudit, f"{count:,}", heuristic_applied=name, **condition)


def _rate(precision: queries.Precision) -> Any:
    if precision.precision_rate is None:
        return render_quiet("not reviewed")
    return f"{precision.precision_rate:.2%}: {precision.correct_links:,} of {precision.reviewed_links:,}"


def _interval(precision: queries.Precision) -> Any:
    interval = precision.interval
    return render_quiet("not reviewed") if interval is None else f"{interval.low:.1%} to {interval.high:.1%}"


def _wanting(precision: queries.Precision) -> str:
    more = queries.reviews_needed(precision.correct_links, precision.reviewed_links)
    return f"no: {more:,} more right one{'' if more == 1 else 's'} wanted" if more else "no"
