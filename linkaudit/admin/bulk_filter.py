"""Bulk decision on all links of a filter of the admin's list: confirmed with the filter and a count, run by a job."""

from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from linkaudit import bulk
from linkaudit.forms import PlainForm
from linkaudit.models import LinkAudit
from ncfd_site.adminkit.links import get_list_url
from ncfd_site.adminkit.read_only import ListError, ReadOnlyAdmin
from ncfd_site.core.permissions import current_user

SALT = "linkaudit.bulk_filter"
# Seconds in which a selection can be confirmed.
CONFIRM_WITHIN = 24 * 3600
SAMPLE_SIZE = 10
SELECTION_EXPIRED = "The selection has expired. Select again."


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


class BulkFilterAdmin(ReadOnlyAdmin):
    """The page that labels all links of the filtered list."""

    change_list_template = "admin/linkaudit/linkaudit/change_list.html"

    def has_bulk_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may label many links at once."""
        return self.has_view_permission(request) and request.user.has_perm(bulk.BULK)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_view(self.bulk_filter_view)
        return [path("bulk/filter/", view, name="linkaudit_linkaudit_bulk_filter"), *super().get_urls()]

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
            frozen = self._load_filter(request)
            if form.is_valid():
                values = form.cleaned_data
                job = bulk.start_job(frozen, values["decision"], values["note"], actor=actor)
                self.message_user(request, f"Job {job.pk} queued.", messages.SUCCESS)
                return redirect("jobs:job", job.pk)
            return self._filter_page(request, frozen, form)
        except (ListError, bulk.BulkError) as error:
            self.message_user(request, str(error), messages.ERROR)
        except signing.BadSignature:
            self.message_user(request, f"{SELECTION_EXPIRED} Nothing was changed.", messages.ERROR)
        return HttpResponseRedirect(get_list_url(LinkAudit))

    def _load_filter(self, request: HttpRequest) -> bulk.FrozenFilter:
        if request.method != "POST":
            return bulk.freeze_filter(request.META["QUERY_STRING"])
        frozen = signing.loads(request.POST.get("frozen", ""), salt=SALT, max_age=CONFIRM_WITHIN)
        if frozen.pop("by") != current_user(request).pk:
            raise signing.BadSignature("another user's selection")
        return bulk.FrozenFilter(**frozen)

    def _filter_page(self, request: HttpRequest, frozen: bulk.FrozenFilter, form: BulkFilterForm) -> HttpResponse:
        actor = current_user(request)
        count = bulk.count_frozen(frozen, actor)
        context = {
            **self.admin_site.each_context(request),
            "title": "Label all links of this list",
            "opts": self.opts,
            "media": self.media,
            "has_more": count > bulk.MAX_COUNTED,
            "count": min(count, bulk.MAX_COUNTED),
            "filters": _list_filters(frozen.query),
            "sample": bulk.list_filtered(frozen.query, actor).filter(pk__lte=frozen.max_id)[:SAMPLE_SIZE],
            "form": form,
            "frozen": signing.dumps({"by": actor.pk, **asdict(frozen)}, salt=SALT),
            "back": f"{get_list_url(LinkAudit)}?{frozen.query}" if frozen.query else get_list_url(LinkAudit),
        }
        status = 400 if form.is_bound else 200
        return TemplateResponse(request, "admin/linkaudit/linkaudit/bulk_filter.html", context, status=status)


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
