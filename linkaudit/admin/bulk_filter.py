"""One decision on all links of a filter: confirmed with the filter and a count, and given by a job."""

from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from linkaudit import bulk, bulk_jobs
from linkaudit.admin.bulk_forms import BulkFilterForm
from linkaudit.bulk_jobs import MOST_COUNTED, Frozen
from linkaudit.models import LinkAudit
from ncfd_site.adminkit.links import get_list_url
from ncfd_site.adminkit.list_query import ListError
from ncfd_site.adminkit.read_only import ReadOnlyAdmin
from ncfd_site.core.permissions import current_user

SALT = "linkaudit.bulk_filter"
CONFIRMED_WITHIN = 24 * 3600
SAMPLE = 10


class BulkFilterPages(ReadOnlyAdmin):
    """The page that labels all links of the list as it is filtered."""

    change_list_template = "admin/linkaudit/linkaudit/change_list.html"

    def has_bulk_permission(self, request: HttpRequest) -> bool:
        """Whether this person may label many links at once."""
        return self.has_view_permission(request) and request.user.has_perm(bulk.BULK)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_view(self.bulk_filter_view)
        return [path("bulk/filter/", view, name="linkaudit_linkaudit_bulk_filter"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"may_bulk": self.has_bulk_permission(request), **(extra_context or {})}
        return super().changelist_view(request, context)

    def bulk_filter_view(self, request: HttpRequest) -> HttpResponse:
        """Say what would be labelled; a POST that confirms it starts the job."""
        if not self.has_bulk_permission(request):
            raise PermissionDenied
        actor = current_user(request)
        form = BulkFilterForm(request.POST if request.method == "POST" else None)
        try:
            frozen = self._frozen(request)
            if form.is_valid():
                note, decision = form.cleaned_data["note"], form.cleaned_data["decision"]
                job = bulk_jobs.start(frozen, decision, note, actor=actor)
                self.message_user(request, f"Job {job.pk} waits for a worker.", messages.SUCCESS)
                return redirect("jobs:job", job.pk)
            return self._filter_page(request, frozen, form)
        except (ListError, bulk.BulkRefused) as refused:
            self.message_user(request, str(refused), messages.ERROR)
        except signing.BadSignature:
            why = "The selection is too old, or was changed on its way. Please select again. Nothing was changed."
            self.message_user(request, why, messages.ERROR)
        return HttpResponseRedirect(get_list_url(LinkAudit))

    def _frozen(self, request: HttpRequest) -> Frozen:
        if request.method != "POST":
            return bulk_jobs.freeze(request.META["QUERY_STRING"], current_user(request))
        kept = signing.loads(request.POST.get("frozen", ""), salt=SALT, max_age=CONFIRMED_WITHIN)
        if kept.pop("by") != current_user(request).pk:
            raise signing.BadSignature("somebody else's")
        return Frozen(**kept)

    def _filter_page(self, request: HttpRequest, frozen: Frozen, form: BulkFilterForm) -> HttpResponse:
        actor = current_user(request)
        count = bulk_jobs.count_of(frozen, actor)
        links = bulk_jobs.links_of(frozen.query, actor).filter(pk__lte=frozen.upper)
        context = {
            **self.admin_site.each_context(request),
            "title": "Label all links of this list",
            "opts": self.opts,
            "media": self.media,
            "more": count > MOST_COUNTED,
            "count": min(count, MOST_COUNTED),
            "filters": _in_words(frozen.query),
            "sample": links[:SAMPLE],
            "form": form,
            "frozen": signing.dumps({"by": actor.pk, **asdict(frozen)}, salt=SALT),
            "back": f"{get_list_url(LinkAudit)}?{frozen.query}" if frozen.query else get_list_url(LinkAudit),
        }
        status = 400 if form.is_bound else 200
        return TemplateResponse(request, "admin/linkaudit/linkaudit/bulk_filter.html", context, status=status)


def _in_words(query: str) -> list[tuple[str, str]]:
    return [
        (
            "search" if name == "q" else name.removesuffix("__exact").replace("__", " ").replace("_", " "),
            ", ".join(values),
        )
        for name, values in QueryDict(query).lists()
        if name not in ("p", "o", "e")
    ]
