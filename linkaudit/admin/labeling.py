"""Labeling of one link in the admin. `bulk_selection` and `bulk_filter` label many."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path

from linkaudit import services
from linkaudit.admin.bulk_selection import BulkSelectionAdmin
from linkaudit.forms import DECISIONS, parse_moment
from linkaudit.models import LinkAudit
from linkaudit.selection import LABEL_NAMES
from ncfd_site.adminkit.links import get_object_url
from ncfd_site.core.permissions import current_user


class LabelingAdmin(BulkSelectionAdmin):
    """Buttons on the page of a link."""

    change_form_template = "admin/linkaudit/linkaudit/change_form.html"
    keeps_history = True

    def has_label_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may label at all; the service decides for each link."""
        return self.has_view_permission(request) and request.user.has_perm(services.LABEL)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_view(self.label_view)
        return [path("<int:object_id>/label/", view, name="linkaudit_linkaudit_label"), *super().get_urls()]

    def label_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Label one link, and show it again."""
        if not self.has_label_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        decision = request.POST.get("decision", "")
        seen_at = parse_moment(request.POST.get("seen_at", ""))
        if decision not in DECISIONS or seen_at is None:
            self.message_user(request, "The form was incomplete. Nothing was changed.", messages.ERROR)
        elif not self._label(request, object_id, decision, seen_at):
            return self.redirect_missing(request, object_id)
        return HttpResponseRedirect(get_object_url(LinkAudit(pk=object_id)))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if self.has_label_permission(request):
            audit = context["original"]
            context["may_label"] = True
            context["label_block"] = services.find_label_block(audit, current_user(request))
            context["seen_at"] = audit.updated_at.isoformat()
        return super().render_change_form(request, context, *args, **kwargs)

    def _label(self, request: HttpRequest, audit_id: int, decision: str, seen_at: datetime) -> bool:
        """Label the link and report it; return False if there is no such link."""
        label, note = DECISIONS[decision], request.POST.get("note", "")
        try:
            audit = services.label_link(audit_id, label, actor=current_user(request), note=note, seen_at=seen_at)
        except LinkAudit.DoesNotExist:
            return False
        except services.StaleLinkError as error:
            self.message_user(request, str(error), messages.ERROR)
            return True
        except PermissionDenied as error:
            self.message_user(request, f"{error} Nothing was changed.", messages.ERROR)
            return True
        name = LABEL_NAMES[label]
        if audit.updated_at == seen_at:
            self.message_user(request, f"Link {audit_id} was already {name}. Nothing was changed.", messages.WARNING)
        else:
            self.log_change(request, audit, "Label cleared." if label is None else f"Labeled {name}.")
            self.message_user(request, f"Link {audit_id} is {name}.", messages.SUCCESS)
        return True
