"""Labelling in the admin: one link from its page, always through the service; many at once are in `bulk_pages`."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.dateparse import parse_datetime

from linkaudit import services
from linkaudit.admin.bulk_pages import BulkPages
from linkaudit.forms import DECISIONS
from linkaudit.models import LinkAudit
from ncfd_site.adminkit.links import get_object_url
from ncfd_site.core.permissions import current_user


class LabellingPages(BulkPages):
    """Buttons on the page of a link."""

    change_form_template = "admin/linkaudit/linkaudit/change_form.html"
    keeps_history = True

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
        decision = request.POST.get("decision", "")
        seen_at = _moment(request.POST.get("seen_at", ""))
        if decision not in DECISIONS or seen_at is None:
            self.message_user(
                request, "The form was not complete, so nothing changed. Please try again.", messages.ERROR
            )
        elif not self._label(request, object_id, decision, seen_at):
            return self.redirect_missing(request, object_id)
        return HttpResponseRedirect(get_object_url(LinkAudit(pk=object_id)))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if self.has_label_permission(request):
            audit = context["original"]
            context["may_label"] = True
            context["obstacle"] = services.label_obstacle(audit, current_user(request))
            context["seen_at"] = audit.updated_at.isoformat()
        return super().render_change_form(request, context, *args, **kwargs)

    def _label(self, request: HttpRequest, audit_id: int, decision: str, seen_at: datetime) -> bool:
        try:
            audit = services.label_link(
                audit_id,
                DECISIONS[decision],
                actor=current_user(request),
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
            self.message_user(request, f"Link {audit_id} was {decision} already, so nothing changed.", messages.WARNING)
            return True
        self.log_change(request, audit, f"Labelled {decision}.")
        self.message_user(request, f"Link {audit_id} is {decision} now.", messages.SUCCESS)
        return True


def _moment(text: str) -> datetime | None:
    try:
        return parse_datetime(text)
    except ValueError:
        return None
