"""Manual changes of references on the page of an object."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ncfd_site.adminkit.links import get_object_url
from ncfd_site.adminkit.read_only import ReadOnlyAdmin, Table
from ncfd_site.core.formatting import format_quantity, render_age
from ncfd_site.core.permissions import current_user
from storage import services
from storage.admin.rendering import render_referrer, render_referrer_link, render_retention_reason
from storage.models import StorageObject, StorageReference
from storage.queries import find_referrers, find_retention_reason

MAX_KEY = 2**63 - 1
MAX_REASON_LENGTH = 500
MAX_SHOWN = 200
RELEASE_NOTE = (
    "Releasing a reference decreases the count by one and deletes nothing. An object without references can be "
    "garbage-collected once unused for 30 days, unless a document or study points to it. A released reference can be "
    "added again."
)
_REASON_FIELD = (
    '<span class="reason"><label for="release-reason">Reason for release:</label> '
    '<input id="release-reason" form="release" name="reason" required maxlength="{}" size="40" class="vTextField">'
    "</span>"
)


class ReasonForm(forms.Form):
    """The reason of a change."""

    reason = forms.CharField(
        label="Reason",
        max_length=MAX_REASON_LENGTH,
        help_text="Shown in the audit log of this object.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class ReferenceForm(ReasonForm):
    """A referrer and the reason to add its reference."""

    reference_type = forms.CharField(
        label="Kind of referrer", max_length=50, help_text="document, study, or a pipeline's own kind."
    )
    reference_id = forms.IntegerField(
        label="Key of the referrer", min_value=1, max_value=MAX_KEY, help_text="The ID of its row."
    )
    field_order = ("reference_type", "reference_id", "reason")


class ReferencePages(ReadOnlyAdmin):
    """The references of an object, with a form to add one and a button to release each."""

    change_form_template = "admin/storage/storageobject/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                "<int:object_id>/add-reference/",
                self.admin_view(self.add_reference_view),
                name="storage_reference_add",
            ),
            path(
                "<int:object_id>/release-reference/",
                self.admin_view(self.release_reference_view),
                name="storage_reference_release",
            ),
            *super().get_urls(),
        ]

    def get_tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Return the table of references, with buttons for users who may release them."""
        can_change = request.user.has_perm(services.REFERENCE_PERMISSION)
        found = list(row.references.order_by("reference_id")[: MAX_SHOWN + 1])
        shown = found[:MAX_SHOWN]
        referrers = find_referrers((one.reference_type, one.referenced_id) for one in shown)
        rows = [
            (
                render_referrer_link(one.reference_type, one.referenced_id),
                render_referrer(one, referrers.get((one.reference_type, one.referenced_id)), row),
                render_age(one.created_at),
                *([_render_release_button(one)] if can_change else []),
            )
            for one in shown
        ]
        headings = ("Referrer", "Name", "Added", *(["Release"] if can_change else []))
        limit = f" The first {MAX_SHOWN} are shown." if len(found) > MAX_SHOWN else ""
        note: Any = limit.strip()
        if can_change and rows:
            note = format_html("{}{} " + _REASON_FIELD, RELEASE_NOTE, limit, MAX_REASON_LENGTH)
        elif not rows and (reason := find_retention_reason(row.pk)):
            note = format_html("{} Garbage collection keeps it.", render_retention_reason(reason))
        return [Table("References", headings, rows, "This object has no references.", note)]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if request.user.has_perm(services.REFERENCE_PERMISSION):
            context["reference_form"] = ReferenceForm()
        return super().render_change_form(request, context, *args, **kwargs)

    def add_reference_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Add a reference and redirect to the object."""
        row = self._get_object_or_response(request, object_id)
        if not isinstance(row, StorageObject):
            return row
        form = ReferenceForm(request.POST)
        if not form.is_valid():
            self.message_user(request, f"No reference was added. {_list_errors(form)}", messages.ERROR)
            return HttpResponseRedirect(get_object_url(row))
        kind, key = form.cleaned_data["reference_type"], form.cleaned_data["reference_id"]
        is_known = row.references.filter(reference_type=kind, referenced_id=key).exists()
        count = self._run_service(request, services.add_reference, row, kind, key, form.cleaned_data["reason"])
        if count is not None and is_known:
            text = f"Nothing changed: the reference from {kind} {key} exists. {_format_total(count)}"
            self.message_user(request, text, messages.WARNING)
        elif count is not None:
            self._log_and_notify(request, row, f"Added the reference from {kind} {key}. {_format_total(count)}")
        return HttpResponseRedirect(get_object_url(row))

    def release_reference_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Release a reference by its ID and redirect to the object."""
        row = self._get_object_or_response(request, object_id)
        if not isinstance(row, StorageObject):
            return row
        sent = request.POST.get("reference", "")
        # A number too long for a key is an error in the database.
        is_key = sent.isascii() and sent.isdecimal() and int(sent) <= MAX_KEY
        reference = row.references.filter(pk=int(sent)).first() if is_key else None
        if reference is None:
            self.message_user(request, "Nothing changed: the reference no longer exists.", messages.WARNING)
            return HttpResponseRedirect(get_object_url(row))
        form = ReasonForm(request.POST)
        if not form.is_valid():
            self.message_user(request, f"No reference was released. {_list_errors(form)}", messages.ERROR)
            return HttpResponseRedirect(get_object_url(row))
        kind, key = reference.reference_type, reference.referenced_id
        count = self._run_service(request, services.release_reference, row, kind, key, form.cleaned_data["reason"])
        if count is not None:
            self._log_and_notify(request, row, f"Released the reference from {kind} {key}. {_format_total(count)}")
        if count == 0 and (reason := find_retention_reason(row.pk)):
            text = format_html("{} Garbage collection keeps the object.", render_retention_reason(reason))
            self.message_user(request, text, messages.INFO)
        return HttpResponseRedirect(get_object_url(row))

    def _get_object_or_response(self, request: HttpRequest, object_id: int) -> StorageObject | HttpResponse:
        if not request.user.has_perm(services.REFERENCE_PERMISSION) or not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        row = StorageObject.objects.filter(pk=object_id).first() if object_id <= MAX_KEY else None
        return row or self.redirect_missing(request, object_id)

    def _run_service(
        self, request: HttpRequest, service: Any, row: StorageObject, kind: str, key: int, reason: str
    ) -> int | None:
        """Change a reference by `service`; return the new count, or None with a message if it is refused."""
        try:
            return int(service(row.sha256, row.backend_type, kind, key, reason=reason, actor=current_user(request)))
        except services.ReferenceChangeError as error:
            self.message_user(request, str(error), messages.ERROR)
            return None

    def _log_and_notify(self, request: HttpRequest, row: StorageObject, message: str) -> None:
        self.log_change(request, row, message)
        self.message_user(request, message, messages.SUCCESS)


def _list_errors(form: forms.Form) -> str:
    return " ".join(f"{form[name].label}: {' '.join(map(str, errors))}" for name, errors in form.errors.items())


def _format_total(count: int) -> str:
    return f"Now {format_quantity(count, 'reference')}."


def _render_release_button(reference: StorageReference) -> SafeString:
    return format_html(
        '<button form="release" name="reference" value="{}" class="button" aria-label="Release {}">Release</button>',
        reference.pk,
        reference,
    )
