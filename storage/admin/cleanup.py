"""The list of content that could be cleaned up."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ncfd_site.adminkit.tables import ReadOnlyAdmin, Table
from ncfd_site.core import formatting
from storage.admin.drawn import kept_because
from storage.owners import Keeper, keepers
from storage.queries import CleanupCandidate, cleanup_candidates

MOST_SHOWN = 200


class CandidatesForm(forms.Form):
    """Which content is a candidate for cleaning; the limits are those of what the database can reckon with."""

    max_age_days = forms.IntegerField(label="Not used for, in days", min_value=0, max_value=36_500, initial=30)
    under_days = forms.IntegerField(
        label="but for less than, in days", min_value=1, max_value=36_500, required=False, label_suffix=":"
    )
    min_refcount = forms.IntegerField(label="References, at most", min_value=0, max_value=1_000_000, initial=0)


class CleanupPage(ReadOnlyAdmin):
    """A page beside the list of content, with its parameters in the address."""

    change_list_template = "admin/storage/storageobject/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_view(self.cleanup_view)
        return [path("cleanup/", view, name="storage_storageobject_cleanup"), *super().get_urls()]

    def cleanup_view(self, request: HttpRequest) -> HttpResponse:
        """List the candidates for cleaning."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        defaults = {name: field.initial for name, field in CandidatesForm.base_fields.items()}
        form = CandidatesForm({**defaults, **request.GET.dict()})
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Candidates for cleaning",
            "media": self.media,
            "form": form,
        }
        if form.is_valid():
            found = cleanup_candidates(**form.cleaned_data, limit=MOST_SHOWN + 1)
            context["table"] = _table(found, **form.cleaned_data)
        return TemplateResponse(request, "admin/storage/storageobject/cleanup.html", context)


def _table(found: list[CleanupCandidate], max_age_days: int, min_refcount: int, under_days: int | None = None) -> Table:
    shown = found[:MOST_SHOWN]
    kept = keepers([one.object_id for one in shown])
    most = f"at most {formatting.format_quantity(min_refcount, 'reference')}" if min_refcount else "no reference"
    rule = f"has {most} and was not used for {formatting.format_quantity(max_age_days, 'day')}"
    if under_days:
        rule += f", but within the last {formatting.format_quantity(under_days, 'day')}"
    more = f" Only the first {MOST_SHOWN} are shown, unused longest." if len(found) > MOST_SHOWN else ""
    total_size = formatting.format_size(sum(one.size_bytes for one in shown))
    return Table(
        f"{formatting.format_quantity(len(shown), 'candidate')}, {total_size}",
        ("Content", "Backend", "Size", "References", "Last used", "Created", "Cleaning"),
        [
            (
                _content_link(one),
                one.backend_type,
                formatting.format_size(one.size_bytes),
                one.refcount,
                formatting.render_age(one.last_accessed),
                formatting.render_age(one.created_at),
                _fate(kept.get(one.object_id)),
            )
            for one in shown
        ],
        f"No content {rule}. Content comes here when its last reference is released and the days of grace are over.",
        f"Each {rule}. This is advice: nothing is deleted here, and standing here permits no deletion.{more}",
    )


def _fate(keeper: Keeper | None) -> SafeString | str:
    return "may take it" if keeper is None else format_html("passes it over: {}", kept_because(keeper))


def _content_link(one: CleanupCandidate) -> SafeString:
    page = reverse("admin:storage_storageobject_change", args=[one.object_id])
    return format_html('<a href="{}"><code title="{}">{}…</code></a>', page, one.sha256, one.sha256[:16])
