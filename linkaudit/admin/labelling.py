"""Labelling in the admin: one link from its page, and many from the list, always through the service."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.dateparse import parse_datetime

from linkaudit import services
from linkaudit.models import LinkAudit
from ncfd_site.admin.links import object_url
from ncfd_site.admin.tables import ReadOnlyAdmin
from ncfd_site.pages import person

VERDICTS: dict[str, bool | None] = {"right": True, "wrong": False, "open": None}
# More than a page of the list cannot be ticked; a request with more was not made by it.
MOST_AT_ONCE = 500


class LabellingPages(ReadOnlyAdmin):
    """Buttons on the page of a link, and actions on the list."""

    change_form_template = "admin/linkaudit/linkaudit/change_form.html"
    keeps_history = True
    actions = ("label_right", "label_wrong", "label_open")

    def has_label_permission(self, request: HttpRequest) -> bool:
        """Whether this person may label at all; the service decides for each link."""
        return self.has_view_permission(request) and request.user.has_perm(services.LABEL)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_view(self.label_view)
        return [path("<int:object_id>/label/", view, name="linkaudit_linkaudit_label"), *super().get_urls()]

    def label_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Label one link as the button says, and show it again."""
        if not self.has_label_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        verdict = request.POST.get("verdict", "")
        seen_at = _moment(request.POST.get("seen_at", ""))
        if verdict not in VERDICTS or seen_at is None:
            self.message_user(
                request, "The form was not complete, so nothing changed. Please try again.", messages.ERROR
            )
        elif not self._label(request, object_id, verdict, seen_at):
            return self.gone(request, object_id)
        return HttpResponseRedirect(object_url(LinkAudit(pk=object_id)))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if self.has_label_permission(request):
            audit = context["original"]
            context["may_label"] = True
            context["obstacle"] = services.label_obstacle(audit, person(request))
            context["seen_at"] = audit.updated_at.isoformat()
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.action(description="Label right", permissions=["label"])
    def label_right(self, request: HttpRequest, queryset: Any) -> None:
        """Label the ticked links right."""
        self._label_many(request, "right")

    @admin.action(description="Label wrong", permissions=["label"])
    def label_wrong(self, request: HttpRequest, queryset: Any) -> None:
        """Label the ticked links wrong."""
        self._label_many(request, "wrong")

    @admin.action(description="Take the label back: open", permissions=["label"])
    def label_open(self, request: HttpRequest, queryset: Any) -> None:
        """Put the ticked links back to open."""
        self._label_many(request, "open")

    def _label(self, request: HttpRequest, audit_id: int, verdict: str, seen_at: datetime) -> bool:
        try:
            audit = services.label_link(
                audit_id,
                VERDICTS[verdict],
                actor=person(request),
                note=request.POST.get("note", ""),
                seen_at=seen_at,
            )
        except LinkAudit.DoesNotExist:
            return False
        except services.StaleLabel as stale:
            self.message_user(request, str(stale), messages.ERROR)
            return True
        except PermissionDenied as refusal:
            self.message_user(request, f"{refusal} Nothing was changed.", messages.ERROR)
            return True
        if audit.updated_at == seen_at:
            self.message_user(request, f"Link {audit_id} was {verdict} already, so nothing changed.", messages.WARNING)
            return True
        self.log_change(request, audit, f"Labelled {verdict}.")
        self.message_user(request, f"Link {audit_id} is {verdict} now.", messages.SUCCESS)
        return True

    def _label_many(self, request: HttpRequest, verdict: str) -> None:
        # Not the queryset: it leaves out what went or no longer fits the filter, and nobody would hear of that.
        ticked = {int(text) for text in request.POST.getlist(ACTION_CHECKBOX_NAME) if text.isdecimal()}
        if len(ticked) > MOST_AT_ONCE or request.POST.get("select_across") == "1":
            self.message_user(
                request, f"At most {MOST_AT_ONCE} links can be labelled at once: nothing changed.", messages.ERROR
            )
            return
        result = services.label_links(ticked, VERDICTS[verdict], actor=person(request))
        if result.labelled:
            self._log_many(request, result.labelled, verdict)
        level = messages.SUCCESS if len(result.labelled) == len(ticked) else messages.WARNING
        self.message_user(request, _report(result, verdict), level)

    def _log_many(self, request: HttpRequest, audit_ids: Collection[int], verdict: str) -> None:
        for audit in LinkAudit.objects.filter(pk__in=audit_ids).defer("evidence_jsonb"):
            self.log_change(request, audit, f"Labelled {verdict} among {len(audit_ids)} at once.")


def _report(result: services.LabelResult, verdict: str) -> str:
    count = len(result.labelled)
    parts = [f"Labelled {verdict}: {count} link{'' if count == 1 else 's'}."]
    if result.unchanged:
        parts.append(f"Left as they were: {len(result.unchanged)}, {verdict} already.")
    if result.refused:
        parts.append(f"Left as they were: {len(result.refused)}, labelled by somebody else ({_some(result.refused)}).")
    if result.missing:
        parts.append(f"Missing: {len(result.missing)}, no longer there ({_some(result.missing)}).")
    return " ".join(parts)


def _some(audit_ids: Collection[int], most: int = 10) -> str:
    listed = ", ".join(map(str, list(audit_ids)[:most]))
    return f"{listed} and {len(audit_ids) - most} more" if len(audit_ids) > most else listed


def _moment(text: str) -> datetime | None:
    try:
        return parse_datetime(text)
    except ValueError:
        return None
