"""One decision on many links from the list: ticked, shown once more with a note to write, and then recorded."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from linkaudit import bulk
from linkaudit.admin.bulk_filter import BulkFilterPages
from linkaudit.admin.bulk_forms import BulkForm
from linkaudit.bulk_words import DECISION_WORDS, report
from linkaudit.models import LinkAudit
from ncfd_site.adminkit.links import get_list_url
from ncfd_site.core.permissions import current_user

# What is confirmed by number; more than that is confirmed as a filter, and labelled by a job.
MOST_AT_ONCE = 500
SAMPLE = 10
SALT = "linkaudit.bulk"
# Seconds that a confirmation may wait.
CONFIRMED_WITHIN = 24 * 3600
STATUS = {True: "labelled right", False: "labelled wrong", None: "open"}


class BulkPages(BulkFilterPages):
    """Actions of the list, each with a page that confirms."""

    actions = ("label_right", "label_wrong", "label_open")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_view(self.bulk_view)
        return [path("bulk/", view, name="linkaudit_linkaudit_bulk"), *super().get_urls()]

    @admin.action(description="Label right", permissions=["bulk"])
    def label_right(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """Ask whether the ticked links are to be labelled right."""
        return self._ask(request, "right")

    @admin.action(description="Label wrong", permissions=["bulk"])
    def label_wrong(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """Ask whether the ticked links are to be labelled wrong."""
        return self._ask(request, "wrong")

    @admin.action(description="Send to review: take labels back", permissions=["bulk"])
    def label_open(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """Ask whether the ticked links are to be open again."""
        return self._ask(request, "cleared")

    def bulk_view(self, request: HttpRequest) -> HttpResponse:
        """Record what was confirmed, and tell what became of each link."""
        if not self.has_bulk_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = BulkForm(request.POST)
        try:
            kept = signing.loads(request.POST.get("frozen", ""), salt=SALT, max_age=CONFIRMED_WITHIN)
        except signing.BadSignature:
            return self._nothing(request, "The selection is too old, or was changed on its way. Please select again.")
        if kept["by"] != current_user(request).pk:
            return self._nothing(request, "Somebody else made this selection. Please select again.")
        seen = {audit_id: datetime.fromisoformat(moment) for audit_id, moment in kept["seen"]}
        if not form.is_valid():
            return self._page(request, kept["decision"], seen, request.POST["frozen"], form, query=kept["query"])
        try:
            result = bulk.label_frozen(seen, kept["decision"], form.cleaned_data["note"], actor=current_user(request))
        except bulk.BulkRefused as refused:
            return self._nothing(request, str(refused))
        self._log(request, result.labelled, kept["decision"])
        groups = {name: getattr(result, name) for name in result.__slots__}
        level = messages.SUCCESS if len(result.labelled) == len(seen) else messages.WARNING
        self.message_user(request, report(kept["decision"], groups), level)
        return HttpResponseRedirect(f"{get_list_url(LinkAudit)}{kept['query']}")

    def _ask(self, request: HttpRequest, decision: str) -> HttpResponse | None:
        query = f"?{request.META['QUERY_STRING']}" if request.META["QUERY_STRING"] else ""
        if request.POST.get("select_across") == "1":
            return HttpResponseRedirect(f"{reverse('admin:linkaudit_linkaudit_bulk_filter')}{query}")
        # Not the queryset: it leaves out what went or no longer fits the filter, and nobody would hear of that.
        ticked = {int(text) for text in request.POST.getlist(ACTION_CHECKBOX_NAME) if text.isdecimal()}
        if len(ticked) > MOST_AT_ONCE:
            return self._nothing(request, f"At most {MOST_AT_ONCE} links can be ticked at once.")
        seen = dict(LinkAudit.objects.filter(pk__in=ticked).order_by("pk").values_list("pk", "updated_at"))
        if not seen:
            return self._nothing(request, "None of the ticked links is there any more.")
        moments = [(audit_id, moment.isoformat()) for audit_id, moment in seen.items()]
        kept = {"by": current_user(request).pk, "decision": decision, "seen": moments, "query": query}
        frozen = signing.dumps(kept, salt=SALT, compress=True)
        return self._page(request, decision, seen, frozen, BulkForm(), query=query, gone=len(ticked) - len(seen))

    def _page(
        self,
        request: HttpRequest,
        decision: str,
        seen: Mapping[int, datetime],
        frozen: str,
        form: BulkForm,
        *,
        query: str,
        gone: int = 0,
    ) -> HttpResponse:
        links = LinkAudit.objects.filter(pk__in=seen).select_related("asset").defer("evidence_jsonb").order_by("pk")
        found = list(links)
        counted = Counter((audit.heuristic_applied or "none", STATUS[audit.label]) for audit in found)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Label {len(seen)} link{'' if len(seen) == 1 else 's'} {DECISION_WORDS[decision]}",
            "opts": self.opts,
            "media": self.media,
            "decision": decision,
            "count": len(seen),
            "eligible": sum((audit.label is None) is not (decision == "cleared") for audit in found),
            "counted": sorted((*group, number) for group, number in counted.items()),
            "sample": [(audit, STATUS[audit.label]) for audit in found[:SAMPLE]],
            "gone": gone,
            "form": form,
            "frozen": frozen,
            "back": f"{get_list_url(LinkAudit)}{query}",
        }
        status = 400 if form.is_bound else 200
        return TemplateResponse(request, "admin/linkaudit/linkaudit/bulk.html", context, status=status)

    def _log(self, request: HttpRequest, audit_ids: Sequence[int], decision: str) -> None:
        labelled = LinkAudit.objects.filter(pk__in=audit_ids).defer("evidence_jsonb")
        words = f"Labelled {DECISION_WORDS[decision]} among {len(audit_ids)} at once."
        LogEntry.objects.log_actions(current_user(request).pk, labelled, CHANGE, words)

    def _nothing(self, request: HttpRequest, why: str) -> HttpResponse:
        self.message_user(request, f"{why} Nothing was changed.", messages.ERROR)
        return HttpResponseRedirect(get_list_url(LinkAudit))
