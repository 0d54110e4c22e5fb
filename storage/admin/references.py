"""How a person adds and releases references to content, on the content's own page."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ncfd_site.adminkit.links import object_url
from ncfd_site.adminkit.tables import ReadOnlyAdmin, Table
from ncfd_site.core import formatting
from ncfd_site.core.permissions import current_user
from storage import services
from storage.admin.drawn import kept_because, owner, referrer
from storage.models import StorageObject, StorageReference
from storage.owners import keeper_of, owners

LARGEST_KEY = 2**63 - 1
LONGEST_REASON = 500
MOST_SHOWN = 200
RELEASING = (
    "Releasing a reference lowers the count by one and deletes nothing. Content without references becomes a candidate "
    "for cleaning once it was not used for 30 days, unless a document or a study still points to it. A released "
    "reference can be added again."
)
_REASON_FIELD = (
    '<span class="reason"><label for="release-reason">Reason for releasing:</label> '
    '<input id="release-reason" form="release" name="reason" required maxlength="{}" size="40" class="vTextField">'
    "</span>"
)


class ReasonForm(forms.Form):
    """Why something is done; it stays in the record."""

    reason = forms.CharField(
        label="Reason",
        max_length=LONGEST_REASON,
        help_text="Shown in the record of this content.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class ReferenceForm(ReasonForm):
    """A row that refers to content: its kind, and its key within that kind."""

    reference_type = forms.CharField(
        label="Kind of referrer", max_length=50, help_text="document, study, or a pipeline's own word."
    )
    reference_id = forms.IntegerField(
        label="Number of the referrer", min_value=1, max_value=LARGEST_KEY, help_text="Its key within that kind."
    )
    field_order = ("reference_type", "reference_id", "reason")


class ReferencePages(ReadOnlyAdmin):
    """The references on the page of content, with a form to add one and a button to release each."""

    change_form_template = "admin/storage/storageobject/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                "<int:object_id>/add-reference/",
                self.admin_view(self.add_view_of_reference),
                name="storage_reference_add",
            ),
            path(
                "<int:object_id>/release-reference/",
                self.admin_view(self.release_view),
                name="storage_reference_release",
            ),
            *super().get_urls(),
        ]

    def tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """What refers to this content, each with a button to release it for those who may."""
        may = request.user.has_perm(services.REFERENCE)
        found = list(row.references.order_by("reference_id")[: MOST_SHOWN + 1])
        shown = found[:MOST_SHOWN]
        known = owners((one.reference_type, one.referenced_id) for one in shown)
        rows = [
            (
                referrer(one.reference_type, one.referenced_id),
                owner(one, known.get((one.reference_type, one.referenced_id)), row),
                formatting.render_age(one.created_at),
                *([_release_button(one)] if may else []),
            )
            for one in shown
        ]
        headings = ("Referrer", "Owner", "Recorded", *(["Release"] if may else []))
        more = f" Only the first {MOST_SHOWN} are shown." if len(found) > MOST_SHOWN else ""
        note: Any = more.strip()
        if may and rows:
            note = format_html("{}{} " + _REASON_FIELD, RELEASING, more, LONGEST_REASON)
        elif not rows and (keeper := keeper_of(row.pk)):
            note = format_html("{} All the same, cleaning keeps it.", kept_because(keeper))
        return [Table("References", headings, rows, "Nothing refers to this content.", note)]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if request.user.has_perm(services.REFERENCE):
            context["reference_form"] = ReferenceForm()
        return super().render_change_form(request, context, *args, **kwargs)

    def add_view_of_reference(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Add a reference to content, and go back to its page."""
        content = self._content(request, object_id)
        if not isinstance(content, StorageObject):
            return content
        form = ReferenceForm(request.POST)
        if not form.is_valid():
            self.message_user(request, f"No reference was added. {_mistakes(form)}", messages.ERROR)
            return HttpResponseRedirect(object_url(content))
        kind, key = form.cleaned_data["reference_type"], form.cleaned_data["reference_id"]
        known = content.references.filter(reference_type=kind, referenced_id=key).exists()
        count = self._call(request, services.add_reference, content, kind, key, form.cleaned_data["reason"])
        if count is not None and known:
            text = f"{kind} {key} refers to this content already, so nothing changed; {_references(count)}."
            self.message_user(request, text, messages.WARNING)
        elif count is not None:
            self._tell(request, content, f"Added the reference of {kind} {key}; {_references(count)} now.")
        return HttpResponseRedirect(object_url(content))

    def release_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Release one reference, chosen by its key, and go back to the content's page."""
        content = self._content(request, object_id)
        if not isinstance(content, StorageObject):
            return content
        chosen = request.POST.get("reference", "")
        # More digits than a key has are an error of the database, and no reference.
        a_key = chosen.isascii() and chosen.isdecimal() and int(chosen) <= LARGEST_KEY
        reference = content.references.filter(pk=int(chosen)).first() if a_key else None
        if reference is None:
            self.message_user(request, "That reference is no longer there, so nothing changed.", messages.WARNING)
            return HttpResponseRedirect(object_url(content))
        form = ReasonForm(request.POST)
        if not form.is_valid():
            self.message_user(request, f"No reference was released. {_mistakes(form)}", messages.ERROR)
            return HttpResponseRedirect(object_url(content))
        kind, key = reference.reference_type, reference.referenced_id
        count = self._call(request, services.release_reference, content, kind, key, form.cleaned_data["reason"])
        if count is not None:
            self._tell(request, content, f"Released the reference of {kind} {key}; {_references(count)} now.")
        if count == 0 and (keeper := keeper_of(content.pk)):
            text = format_html(
                "{} The content stays as long as that is so: cleaning passes it over.", kept_because(keeper)
            )
            self.message_user(request, text, messages.INFO)
        return HttpResponseRedirect(object_url(content))

    def _content(self, request: HttpRequest, object_id: int) -> StorageObject | HttpResponse:
        if not request.user.has_perm(services.REFERENCE) or not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        content = StorageObject.objects.filter(pk=object_id).first() if object_id <= LARGEST_KEY else None
        return content or self.gone(request, object_id)

    def _call(
        self, request: HttpRequest, service: Any, content: StorageObject, kind: str, key: int, reason: str
    ) -> int | None:
        try:
            return int(
                service(content.sha256, content.backend_type, kind, key, reason=reason, actor=current_user(request))
            )
        except services.ReferenceRefused as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return None

    def _tell(self, request: HttpRequest, content: StorageObject, done: str) -> None:
        self.log_change(request, content, done)
        self.message_user(request, done, messages.SUCCESS)


def _mistakes(form: forms.Form) -> str:
    return " ".join(f"{form[name].label}: {' '.join(map(str, errors))}" for name, errors in form.errors.items())


def _references(count: int) -> str:
    return f"{count} reference{'' if count == 1 else 's'}"


def _release_button(reference: StorageReference) -> SafeString:
    return format_html(
        '<button form="release" name="reference" value="{}" class="button" aria-label="Release {}">Release</button>',
        reference.pk,
        reference,
    )
