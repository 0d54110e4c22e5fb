"""Bulk decision on selected links of the admin's list: action, confirmation with a note, and result."""

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
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from linkaudit import bulk
from linkaudit.admin.bulk_filter import CONFIRM_WITHIN, SAMPLE_SIZE, SELECTION_EXPIRED, BulkFilterAdmin, NoteForm
from linkaudit.models import LinkAudit
from ncfd_site.adminkit.links import get_list_url
from ncfd_site.core.formatting import format_quantity
from ncfd_site.core.permissions import current_user

# Larger selections are confirmed as a filter and labeled by a job.
MAX_SELECTED = 500
SALT = "linkaudit.bulk_selection"
LABELS = {True: "labeled right", False: "labeled wrong", None: "open"}


class BulkSelectionAdmin(BulkFilterAdmin):
    """Actions on selected links, each with a confirmation page."""

    actions = ("label_right", "label_wrong", "clear_labels")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_view(self.bulk_view)
        return [path("bulk/", view, name="linkaudit_linkaudit_bulk"), *super().get_urls()]

    @admin.action(description="Label right", permissions=["bulk"])
    def label_right(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """Confirm the label right."""
        return self._confirm(request, "right")

    @admin.action(description="Label wrong", permissions=["bulk"])
    def label_wrong(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """Confirm the label wrong."""
        return self._confirm(request, "wrong")

    @admin.action(description="Clear labels", permissions=["bulk"])
    def clear_labels(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """Confirm that labels are cleared."""
        return self._confirm(request, "cleared")

    def bulk_view(self, request: HttpRequest) -> HttpResponse:
        """Record a confirmed bulk decision, and report the outcomes."""
        if not self.has_bulk_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = NoteForm(request.POST)
        try:
            frozen = signing.loads(request.POST.get("frozen", ""), salt=SALT, max_age=CONFIRM_WITHIN)
        except signing.BadSignature:
            return self._reject(request, SELECTION_EXPIRED)
        if frozen["by"] != current_user(request).pk:
            return self._reject(request, "Another user made this selection. Select again.")
        decision, query = frozen["decision"], frozen["query"]
        seen = {audit_id: datetime.fromisoformat(moment) for audit_id, moment in frozen["seen"]}
        if not form.is_valid():
            return self._page(request, decision, seen, request.POST["frozen"], form, query=query)
        try:
            result = bulk.label_selected(seen, decision, form.cleaned_data["note"], actor=current_user(request))
        except bulk.BulkError as error:
            return self._reject(request, str(error))
        self._log(request, result.labeled, decision)
        level = messages.SUCCESS if len(result.labeled) == len(seen) else messages.WARNING
        self.message_user(request, bulk.format_result(decision, asdict(result)), level)
        return HttpResponseRedirect(f"{get_list_url(LinkAudit)}{query}")

    def _confirm(self, request: HttpRequest, decision: str) -> HttpResponse | None:
        query = f"?{request.META['QUERY_STRING']}" if request.META["QUERY_STRING"] else ""
        if request.POST.get("select_across") == "1":
            return HttpResponseRedirect(f"{reverse('admin:linkaudit_linkaudit_bulk_filter')}{query}")
        # Not the queryset: it omits links that were deleted or no longer match the filter, without a message.
        selected = {int(text) for text in request.POST.getlist(ACTION_CHECKBOX_NAME) if text.isdecimal()}
        if len(selected) > MAX_SELECTED:
            return self._reject(request, f"Select at most {MAX_SELECTED} links.")
        seen = dict(LinkAudit.objects.filter(pk__in=selected).order_by("pk").values_list("pk", "updated_at"))
        if not seen:
            return self._reject(request, "None of the selected links exists any more.")
        frozen = {
            "by": current_user(request).pk,
            "decision": decision,
            "seen": [(audit_id, moment.isoformat()) for audit_id, moment in seen.items()],
            "query": query,
        }
        signed = signing.dumps(frozen, salt=SALT, compress=True)
        missing_count = len(selected) - len(seen)
        return self._page(request, decision, seen, signed, NoteForm(), query=query, missing_count=missing_count)

    def _page(
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
        links = LinkAudit.objects.filter(pk__in=seen).select_related("asset").defer("evidence_jsonb").order_by("pk")
        found = list(links)
        groups = Counter((audit.heuristic_applied or "none", LABELS[audit.label]) for audit in found)
        count = format_quantity(len(seen), "link")
        context = {
            **self.admin_site.each_context(request),
            "title": f"Clear the labels of {count}" if decision == "cleared" else f"Label {count} {decision}",
            "opts": self.opts,
            "media": self.media,
            "decision": decision,
            "count": len(seen),
            "eligible": sum((audit.label is None) is not (decision == "cleared") for audit in found),
            "groups": sorted((*group, number) for group, number in groups.items()),
            "sample": [(audit, LABELS[audit.label]) for audit in found[:SAMPLE_SIZE]],
            "missing_count": missing_count,
            "form": form,
            "frozen": frozen,
            "back": f"{get_list_url(LinkAudit)}{query}",
        }
        status = 400 if form.is_bound else 200
        return TemplateResponse(request, "admin/linkaudit/linkaudit/bulk.html", context, status=status)

    def _log(self, request: HttpRequest, audit_ids: Sequence[int], decision: str) -> None:
        links = LinkAudit.objects.filter(pk__in=audit_ids).defer("evidence_jsonb")
        change = "Label cleared" if decision == "cleared" else f"Labeled {decision}"
        message = f"{change} in bulk, with {len(audit_ids)} links."
        LogEntry.objects.log_actions(current_user(request).pk, links, CHANGE, message)

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        self.message_user(request, f"{reason} Nothing was changed.", messages.ERROR)
        return HttpResponseRedirect(get_list_url(LinkAudit))
