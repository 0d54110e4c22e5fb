"""Admin of links: claims, evidence and labels, and the label of one link."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from linkaudit import services
from linkaudit.admin.assets import asset_column, search_by_asset
from linkaudit.admin.bulk import BulkAdmin
from linkaudit.asset_names import list_distinct_names
from linkaudit.claims import Terms, highlight, render_claim
from linkaudit.forms import DECISIONS, parse_moment
from linkaudit.models import LinkAudit
from linkaudit.selection import LABEL_NAMES
from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import Column, choice_column, related_column, value_column
from ncfd_site.adminkit.filters import (
    FixedChoicesFilter,
    IndexedValuesFilter,
    fixed_choices_filter,
    indexed_values_filter,
)
from ncfd_site.adminkit.links import get_object_url, render_object_link
from ncfd_site.core.formatting import render_age, render_json, render_link, render_moment, render_quiet
from ncfd_site.core.permissions import current_user
from ncfd_site.core.roles import GRANTS

LABEL_COLUMNS = ("label", "label_source", "reviewed_by", "reviewed_at")
# HP-1 to HP-4 each give confidences in a band of their own.
BANDS = (("1.00", "1.00"), ("0.95", "0.99"), ("0.90", "0.94"), ("0.85", "0.89"), ("0.50", "0.84"), ("0.00", "0.49"))
MAX_REVIEWERS = 100


class ReviewerFilter(IndexedValuesFilter):
    """Filter by reviewer. It offers the users who may label now; the query string takes any name."""

    column = parameter_name = "reviewed_by"
    title = "reviewer"
    nothing = "none"

    def get_values(self, model: Any) -> Iterable[Any]:
        """Return the usernames of those who may label; the column has no index to read them from."""
        groups = [role.value for role, granted in GRANTS.items() if services.LABEL in granted]
        users = User.objects.filter(Q(groups__name__in=groups) | Q(is_superuser=True)).distinct()
        return users.order_by("username").values_list("username", flat=True)[:MAX_REVIEWERS]


HeuristicFilter = indexed_values_filter("heuristic_applied", "heuristic", nothing="none")
LabelFilter = fixed_choices_filter(
    "label",
    "label",
    ("right", "right", {"label": True}),
    ("wrong", "wrong", {"label": False}),
    ("open", "open", {"label__isnull": True}),
)
ConfidenceFilter: type[FixedChoicesFilter] = fixed_choices_filter(
    "confidence",
    "confidence",
    *(
        (
            f"{low}-{high}",
            low if low == high else f"{low} to {high}",
            {"confidence__gte": low, "confidence__lte": high},
        )
        for low, high in BANDS
    ),
)


def _render_trial_link(nct_id: str) -> SafeString:
    # To the list, because the trial may not be in the database.
    return format_html('<a href="{}?nct_id={}">{}</a>', reverse("admin:signals_trial_changelist"), nct_id, nct_id)


def _render_label(row: Any) -> SafeString | None:
    if row.label is None:
        return None
    date = render_age(row.reviewed_at) if row.reviewed_at else "date unknown"
    return format_html("<b>{}</b>, {}, {}", LABEL_NAMES[row.label], _describe_label_source(row), date)


def _describe_label_source(row: Any) -> str:
    # A username implies a human review; other sources are named.
    source = row.get_label_source_display()
    if row.reviewed_by and row.label_source in (None, "", LinkAudit.LabelSource.HUMAN_REVIEW):
        return str(row.reviewed_by)
    return f"{row.reviewed_by}, {source}" if row.reviewed_by else source or "unknown reviewer"


@admin.register(LinkAudit)
class LinkAuditAdmin(BulkAdmin):
    """Links that heuristics proposed, to read and to label."""

    change_form_template = "admin/linkaudit/linkaudit/change_form.html"
    keeps_history = True
    list_display = (
        value_column("audit_id", "link", order=True),
        asset_column("asset"),
        value_column("nct_id", "trial", render=_render_trial_link, order=True),
        value_column("heuristic_applied", "heuristic", empty="none"),
        value_column("confidence", order=True),
        # One column: an open link would have four empty ones. It sorts by the date of the label.
        Column("label", "label", _render_label, reads=LABEL_COLUMNS, order="reviewed_at", empty="open"),
        choice_column("promotion_status", "status"),
        related_column("doc", "doc_id", "document", also=("doc_id",)),
    )
    list_filter = (HeuristicFilter, "promotion_status", LabelFilter, "label_source", ReviewerFilter, ConfidenceFilter)
    search_by = (search.by_key("audit_id", "number"), search.by_nct_id("nct_id"), search_by_asset())
    filled_by = (
        "Heuristics propose links: `manage.py load_ctgov FILE` those of HP-2, `manage.py load_link_audits FILE` others."
    )
    fieldsets = (
        (
            "Claim",
            {"fields": ("claim", "asset_names", "trial", "document", "link_type", "heuristic_applied", "confidence")},
        ),
        ("Evidence", {"fields": ("evidence",)}),
        ("Label", {"fields": ("label_details", "review_notes", "promotion_status")}),
        ("Row", {"fields": ("audit_id", "created_at", "updated_at")}),
    )

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            row.names = list_distinct_names(row.asset.names_jsonb, row.asset.aliases.values_list("alias", flat=True))
        return row

    @admin.display(description="claim")
    def claim(self, row: Any) -> SafeString:
        """Return the claim as a sentence."""
        return render_claim(row)

    @admin.display(description="asset")
    def asset_names(self, row: Any) -> SafeString:
        """Return every name of the asset."""
        others = [name for name in row.names if name != row.asset.name]
        also = render_quiet(f"also {', '.join(others)}") if others else ""
        return format_html("{} {}", render_object_link(row.asset), also)

    @admin.display(description="trial")
    def trial(self, row: Any) -> SafeString | str:
        """Return a link to the trial."""
        return _render_trial_link(row.nct_id) if row.nct_id else render_quiet("no NCT ID")

    @admin.display(description="document")
    def document(self, row: Any) -> SafeString:
        """Return the document with its source."""
        source = render_link(row.doc.source_url) if row.doc.source_url else render_quiet("no source URL")
        return format_html("{}, {}", render_object_link(row.doc, f"document {row.doc_id}"), source)

    @admin.display(description="evidence")
    def evidence(self, row: Any) -> SafeString:
        """Return the evidence as fields, with highlights."""
        terms = Terms(row.names, row.nct_id or "")
        return render_json(row.evidence_jsonb, lambda text: highlight(text, terms).html)

    @admin.display(description="label")
    def label_details(self, row: Any) -> SafeString:
        """Return the label with its reviewer and date."""
        if row.label is None:
            return render_quiet("open: not reviewed")
        date = render_moment(row.reviewed_at) if row.reviewed_at else render_quiet("date unknown")
        return format_html("<strong>{}</strong>, by {}, {}", LABEL_NAMES[row.label], _describe_label_source(row), date)

    # The label

    def has_label_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may label at all; the service decides for each link."""
        return self.has_view_permission(request) and request.user.has_perm(services.LABEL)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_view(self.label_view)
        return [path("<int:object_id>/label/", view, name="linkaudit_linkaudit_label"), *super().get_urls()]

    def label_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Label one link, and show it again."""
        if not self.has_label_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        decision = request.POST.get("decision", "")
        seen_at = parse_moment(request.POST.get("seen_at", ""))
        if decision not in DECISIONS or seen_at is None:
            self.message_user(request, "The form was incomplete. Nothing was changed.", messages.ERROR)
        elif not self._label(request, object_id, decision, seen_at):
            return self.redirect_missing(request, object_id)
        return HttpResponseRedirect(get_object_url(LinkAudit(pk=object_id)))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if self.has_label_permission(request):
            audit = context["original"]
            context["may_label"] = True
            context["label_block"] = services.find_label_block(audit, current_user(request))
            context["seen_at"] = audit.updated_at.isoformat()
        return super().render_change_form(request, context, *args, **kwargs)

    def _label(self, request: HttpRequest, audit_id: int, decision: str, seen_at: datetime) -> bool:
        """Label the link and report it; return False if there is no such link."""
        label, note = DECISIONS[decision], request.POST.get("note", "")
        try:
            audit = services.label_link(audit_id, label, actor=current_user(request), note=note, seen_at=seen_at)
        except LinkAudit.DoesNotExist:
            return False
        except services.StaleLinkError as error:
            self.message_user(request, str(error), messages.ERROR)
            return True
        except PermissionDenied as error:
            self.message_user(request, f"{error} Nothing was changed.", messages.ERROR)
            return True
        name = LABEL_NAMES[label]
        if audit.updated_at == seen_at:
            self.message_user(request, f"Link {audit_id} was already {name}. Nothing was changed.", messages.WARNING)
        else:
            self.log_change(request, audit, "Label cleared." if label is None else f"Labeled {name}.")
            self.message_user(request, f"Link {audit_id} is {name}.", messages.SUCCESS)
        return True
