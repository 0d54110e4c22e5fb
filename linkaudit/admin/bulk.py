"""Bulk decisions in the admin's list of links: on selected links, or by a job on all links of a filter.

Both are confirmed on a page with a note. The page of a filter shows the filter and a count.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from linkaudit import bulk
from linkaudit.admin.blinded import BlindedAdmin
from linkaudit.forms import PlainForm
from linkaudit.models import LinkAudit
from ncfd_site.adminkit.links import get_list_url
from ncfd_site.adminkit.read_only import ListError, select_listed_rows
from ncfd_site.core.formatting import format_quantity
from ncfd_site.core.permissions import current_user

# Larger selections are confirmed as a filter and labeled by a job.
MAX_SELECTED = 500
FILTER_SALT = "linkaudit.bulk_filter"
SELECTION_SALT = "linkaudit.bulk_selection"
# Seconds in which a selection can be confirmed.
CONFIRM_WITHIN = 24 * 3600
SAMPLE_SIZE = 10
SELECTION_EXPIRED = "The selection has expired. Select again."
LABELS = {True: "labeled right", False: "labeled wrong", None: "open"}


class NoteForm(PlainForm):
    """The note that is stored with every decision."""

    note = forms.CharField(
        label="Note",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"}),
        error_messages={"required": "Enter a note. It is stored with each decision."},
    )


class BulkFilterForm(NoteForm):
    """The decision on a filter, its note, and a checkbox that confirms it."""

    decision = forms.ChoiceField(
        label="Decision",
        choices=[("right", "right"), ("wrong", "wrong"), ("cleared", "clear labels")],
        widget=forms.RadioSelect,
        error_messages={"required": "Select a decision."},
    )
    confirm = forms.BooleanField(error_messages={"required": "Select the checkbox to confirm."})


class BulkAdmin(BlindedAdmin):
    """Actions that label selected links, and the page that labels all links of the filtered list."""

    actions = ("label_right", "label_wrong", "clear_labels")

    change_list_template = "admin/linkaudit/linkaudit/change_list.html"

    def has_bulk_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may label many links at once."""
        return self.has_view_permission(request) and request.user.has_perm(bulk.BULK)

    def get_urls(self) -> list[URLPattern]:
        return [
            path("bulk/", self.admin_view(self.bulk_view), name=self.get_url_name("bulk")),
            path("bulk/filter/", self.admin_view(self.bulk_filter_view), name=self.get_url_name("bulk_filter")),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"may_bulk": self.has_bulk_permission(request), **(extra_context or {})}
        return super().changelist_view(request, context)

    def bulk_filter_view(self, request: HttpRequest) -> HttpResponse:
        """Show the links of the filter; a confirmed POST starts the job."""
        if not self.has_bulk_permission(request):
            raise PermissionDenied
        actor = current_user(request)
        form = BulkFilterForm(request.POST if request.method == "POST" else None)
        try:
            frozen = self._load_frozen_filter(request)
            if form.is_valid():
                values = form.cleaned_data
                job = bulk.start_job(frozen, values["decision"], values["note"], actor=actor)
                self.message_user(request, f"Job {job.pk} queued.", messages.SUCCESS)
                return redirect("jobs:job", job.pk)
            return self._show_filter(request, frozen, form)
        except (ListError, bulk.BulkError) as error:
            self.message_user(request, str(error), messages.ERROR)
        except signing.BadSignature:
            self.message_user(request, f"{SELECTION_EXPIRED} Nothing was changed.", messages.ERROR)
        return HttpResponseRedirect(get_list_url(LinkAudit))

    def _load_frozen_filter(self, request: HttpRequest) -> bulk.FrozenFilter:
        if request.method != "POST":
            return bulk.freeze_filter(request.META["QUERY_STRING"])
        frozen = signing.loads(request.POST.get("frozen", ""), salt=FILTER_SALT, max_age=CONFIRM_WITHIN)
        if frozen.pop("by") != current_user(request).pk:
            raise signing.BadSignature("another user's selection")
        return bulk.FrozenFilter(**frozen)

    def _show_filter(self, request: HttpRequest, frozen: bulk.FrozenFilter, form: BulkFilterForm) -> HttpResponse:
        actor = current_user(request)
        links = select_listed_rows(LinkAudit, frozen.query, actor).filter(pk__lte=frozen.max_id)
        count = links.order_by()[: bulk.MAX_COUNTED + 1].count()
        return self.render_page(
            request,
            "linkaudit/linkaudit/bulk_filter.html",
            "Label all links of this list",
            status=400 if form.is_bound else 200,
            has_more=count > bulk.MAX_COUNTED,
            count=min(count, bulk.MAX_COUNTED),
            filters=_list_filters(frozen.query),
            columns=["Now", "Open links labeled right", "Open links labeled wrong", "Labels cleared"],
            rules=bulk.preview_rule(links.order_by()[: bulk.MAX_COUNTED], list(bulk.DECISIONS)),
            sample=links[:SAMPLE_SIZE],
            form=form,
            frozen=signing.dumps({"by": actor.pk, **asdict(frozen)}, salt=FILTER_SALT),
            back=f"{get_list_url(LinkAudit)}?{frozen.query}" if frozen.query else get_list_url(LinkAudit),
        )

    @admin.action(description="Label right", permissions=["bulk"])
    def label_right(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """Show the page that confirms labeling the selected links right."""
        return self._confirm_selection(request, "right")

    @admin.action(description="Label wrong", permissions=["bulk"])
    def label_wrong(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """Show the page that confirms labeling the selected links wrong."""
        return self._confirm_selection(request, "wrong")

    @admin.action(description="Clear labels", permissions=["bulk"])
    def clear_labels(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """Show the page that confirms clearing the labels of the selected links."""
        return self._confirm_selection(request, "cleared")

    def bulk_view(self, request: HttpRequest) -> HttpResponse:
        """Record a confirmed bulk decision, and report the outcomes."""
        if not self.has_bulk_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = NoteForm(request.POST)
        try:
            frozen = signing.loads(request.POST.get("frozen", ""), salt=SELECTION_SALT, max_age=CONFIRM_WITHIN)
        except signing.BadSignature:
            return self._redirect_with_error(request, SELECTION_EXPIRED)
        if frozen["by"] != current_user(request).pk:
            return self._redirect_with_error(request, "Another user made this selection. Select again.")
        decision, query = frozen["decision"], frozen["query"]
        seen = {audit_id: datetime.fromisoformat(moment) for audit_id, moment in frozen["seen"]}
        if not form.is_valid():
            return self._show_page(request, decision, seen, request.POST["frozen"], form, query=query)
        rules = bulk.read_rules()
        try:
            result = bulk.label_links(
                seen,
                decision,
                form.cleaned_data["note"],
                is_changed=lambda audit: audit.updated_at != seen[audit.pk],
                actor=current_user(request),
            )
        except bulk.BulkError as error:
            return self._redirect_with_error(request, str(error))
        self._log_bulk_decision(request, result["labeled"], decision)
        level = messages.SUCCESS if len(result["labeled"]) == len(seen) else messages.WARNING
        self.message_user(request, bulk.format_result(decision, result), level)
        if change := bulk.format_rule_changes(rules):
            self.message_user(request, change)
        return HttpResponseRedirect(f"{get_list_url(LinkAudit)}{query}")

    def _confirm_selection(self, request: HttpRequest, decision: str) -> HttpResponse | None:
        query = f"?{request.META['QUERY_STRING']}" if request.META["QUERY_STRING"] else ""
        if request.POST.get("select_across") == "1":
            return HttpResponseRedirect(f"{reverse('admin:linkaudit_linkaudit_bulk_filter')}{query}")
        # Not the queryset: it omits links that were deleted or no longer match the filter, without a message.
        selected = {int(text) for text in request.POST.getlist(ACTION_CHECKBOX_NAME) if text.isdecimal()}
        if len(selected) > MAX_SELECTED:
            return self._redirect_with_error(request, f"Select at most {MAX_SELECTED} links.")
        seen = dict(self.get_queryset(request).filter(pk__in=selected).order_by("pk").values_list("pk", "updated_at"))
        if not seen:
            return self._redirect_with_error(
                request, "None of the selected links exists any more, or an open sample can ask you."
            )
        frozen = {
            "by": current_user(request).pk,
            "decision": decision,
            "seen": [(audit_id, moment.isoformat()) for audit_id, moment in seen.items()],
            "query": query,
        }
        signed = signing.dumps(frozen, salt=SELECTION_SALT, compress=True)
        missing_count = len(selected) - len(seen)
        return self._show_page(request, decision, seen, signed, NoteForm(), query=query, missing_count=missing_count)

    def _show_page(
        self,
        request: HttpRequest,
        decision: str,
        seen: Mapping[int, datetime],
        frozen: str,
        form: forms.Form,
        *,
        query: str,
        missing_count: int = 0,
    ) -> HttpResponse:
        links = (
            self.get_queryset(request)
            .filter(pk__in=seen)
            .select_related("asset")
            .defer("evidence_jsonb")
            .order_by("pk")
        )
        found = list(links)
        groups = Counter((audit.heuristic_applied or "none", LABELS[audit.label]) for audit in found)
        count = format_quantity(len(seen), "link")
        return self.render_page(
            request,
            "linkaudit/linkaudit/bulk.html",
            f"Clear the labels of {count}" if decision == "cleared" else f"Label {count} {decision}",
            status=400 if form.is_bound else 200,
            decision=decision,
            count=len(seen),
            eligible=sum((audit.label is None) is not (decision == "cleared") for audit in found),
            columns=["Now", "Then"],
            rules=bulk.preview_rule(links.order_by(), [decision]),
            groups=sorted((*group, number) for group, number in groups.items()),
            sample=[(audit, LABELS[audit.label]) for audit in found[:SAMPLE_SIZE]],
            missing_count=missing_count,
            form=form,
            frozen=frozen,
            back=f"{get_list_url(LinkAudit)}{query}",
        )

    def _log_bulk_decision(self, request: HttpRequest, audit_ids: Sequence[int], decision: str) -> None:
        links = LinkAudit.objects.filter(pk__in=audit_ids).defer("evidence_jsonb")
        change = "Label cleared" if decision == "cleared" else f"Labeled {decision}"
        message = f"{change} in bulk, with {format_quantity(len(audit_ids), 'link')}."
        LogEntry.objects.log_actions(current_user(request).pk, links, CHANGE, message)

    def _redirect_with_error(self, request: HttpRequest, reason: str) -> HttpResponse:
        self.message_user(request, f"{reason} Nothing was changed.", messages.ERROR)
        return HttpResponseRedirect(get_list_url(LinkAudit))


def _list_filters(query: str) -> list[tuple[str, str]]:
    """Return the name and value of each filter in a query string of the list."""
    return [
        (
            "search" if name == "q" else name.removesuffix("__exact").replace("__", " ").replace("_", " "),
            ", ".join(values),
        )
        for name, values in QueryDict(query).lists()
        if name not in ("p", "o", "e")
    ]
