"""Admin of heuristics: the precision of each, and whether the promotion rule lets its links be promoted."""

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
    "95 % interval",
    "Promotion rule",
    "Chart",
)
RULE = (
    f"The promotion rule requires at least {queries.MIN_LINKS} reviewed links, and a precision of at least "
    f"{100 * queries.MIN_PRECISION:.0f} %. All labels count, for all time."
)


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
        return self._page(request, "Heuristic precision", queries.list_statuses())

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        name = admin.utils.unquote(object_id)
        if not self.has_view_permission(request):
            raise PermissionDenied
        status = queries.read_status(name)
        if status is None:
            return self.redirect_missing(request, name)
        return self._page(request, f"Heuristic {name}", [status], is_single=True)

    def _page(
        self, request: HttpRequest, title: str, statuses: list[queries.HeuristicStatus], **context: Any
    ) -> HttpResponse:
        table = Table(
            "Precision",
            HEADINGS,
            [_row(status) for status in statuses],
            "No heuristic has proposed a link yet. `manage.py load_ctgov FILE` adds links of HP-2.",
            note=RULE,
        )
        common = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "media": self.media,
            "table": table,
        }
        return TemplateResponse(request, "admin/linkaudit/heuristicprecision/list.html", {**common, **context})


def _row(status: queries.HeuristicStatus) -> tuple[Any, ...]:
    name, interval, needed = status.heuristic, status.interval, status.needed_links
    not_reviewed = render_quiet("not reviewed")
    return (
        format_html('<a href="{}">{}</a>', get_object_url(HeuristicPrecision(heuristic_applied=name)), name),
        _links(name, status.total_links),
        status.reviewed_links,
        _links(name, status.correct_links, label="right"),
        _links(name, status.incorrect_links, label="wrong"),
        _links(name, status.unreviewed_links, label="open"),
        not_reviewed
        if status.precision_rate is None
        else f"{status.precision_rate:.2%}: {status.correct_links:,} of {status.reviewed_links:,}",
        f"{interval.low:.1%} to {interval.high:.1%}" if interval else not_reviewed,
        "met" if status.can_promote else f"not met: needs {needed:,} more correct",
        format_html(
            '<a href="{}" aria-label="Chart of {}">on the site</a>', reverse("linkaudit:heuristic", args=[name]), name
        ),
    )


def _links(name: str, count: int, **condition: str) -> SafeString:
    return render_list_link(LinkAudit, f"{count:,}", heuristic_applied=name, **condition)
