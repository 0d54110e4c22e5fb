"""The list of garbage collection candidates."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from ncfd_site.adminkit.read_only import ReadOnlyAdmin, Table
from ncfd_site.core.formatting import format_quantity, format_size, render_age
from storage.admin.rendering import render_retention_reason
from storage.overview import GRACE_DAYS
from storage.queries import find_gc_candidates, find_retention_reasons

MAX_SHOWN = 200


class CandidateForm(forms.Form):
    """Limits of the list; their maxima are those of the database function."""

    max_age_days = forms.IntegerField(
        label="Unused for at least (days)", min_value=0, max_value=36_500, initial=GRACE_DAYS
    )
    under_days = forms.IntegerField(
        label="and less than (days)", min_value=1, max_value=36_500, required=False, label_suffix=":"
    )
    min_refcount = forms.IntegerField(label="Max. references", min_value=0, max_value=1_000_000, initial=0)


class CandidatePage(ReadOnlyAdmin):
    """An additional page of the object list, with its limits in the URL."""

    change_list_template = "admin/storage/storageobject/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_view(self.candidates_view)
        return [path("gc-candidates/", view, name="storage_storageobject_gc_candidates"), *super().get_urls()]

    def candidates_view(self, request: HttpRequest) -> HttpResponse:
        """List the candidates."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        defaults = {name: field.initial for name, field in CandidateForm.base_fields.items()}
        form = CandidateForm({**defaults, **request.GET.dict()})
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Garbage collection candidates",
            "media": self.media,
            "form": form,
        }
        if form.is_valid():
            context["table"] = _build_candidates_table(**form.cleaned_data)
        return TemplateResponse(request, "admin/storage/storageobject/gc_candidates.html", context)


def _build_candidates_table(max_age_days: int, min_refcount: int, under_days: int | None) -> Table:
    found = find_gc_candidates(max_age_days, min_refcount, MAX_SHOWN + 1, under_days)
    shown = found[:MAX_SHOWN]
    reasons = find_retention_reasons([one.object_id for one in shown])
    references = f"at most {format_quantity(min_refcount, 'reference')}" if min_refcount else "no references"
    rule = f"{references}, unused for {format_quantity(max_age_days, 'day')}"
    if under_days:
        rule += f" but used within {format_quantity(under_days, 'day')}"
    limit = f" The {MAX_SHOWN} least recently used are shown." if len(found) > MAX_SHOWN else ""
    return Table(
        f"{format_quantity(len(shown), 'candidate')}, {format_size(sum(one.size_bytes for one in shown))}",
        ("Object", "Backend", "Size", "References", "Last used", "Created", "Garbage collection"),
        [
            (
                format_html(
                    '<a href="{}"><code title="{}">{}…</code></a>',
                    reverse("admin:storage_storageobject_change", args=[one.object_id]),
                    one.sha256,
                    one.sha256[:16],
                ),
                one.backend_type,
                format_size(one.size_bytes),
                one.refcount,
                render_age(one.last_accessed),
                render_age(one.created_at),
                format_html("kept: {}", render_retention_reason(reasons[one.object_id]))
                if one.object_id in reasons
                else "would be deleted",
            )
            for one in shown
        ],
        f"No objects with {rule}.",
        f"Objects with {rule}. Nothing is deleted from this page.{limit}",
    )
