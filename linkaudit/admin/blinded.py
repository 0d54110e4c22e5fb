"""Admin of rows about links, without the links that the blinding rule hides from the user."""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from linkaudit.blinding import BLIND, exclude_blind, is_blind
from linkaudit.models import LinkAudit
from ncfd_site.adminkit.links import get_list_url
from ncfd_site.adminkit.read_only import ReadOnlyAdmin
from ncfd_site.core.permissions import current_user


class BlindedAdmin(ReadOnlyAdmin):
    """Lists and pages of rows about links; `blinded_by` maps fields of a link to fields of a row without `audit_id`."""

    blinded_by: ClassVar[dict[str, str]] = {}

    def get_queryset(self, request: HttpRequest) -> Any:
        return exclude_blind(super().get_queryset(request), current_user(request), **self.blinded_by)

    def redirect_missing(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        if self.model is LinkAudit and str(object_id).isdecimal() and is_blind(int(object_id), current_user(request)):
            self.message_user(request, BLIND.format(object_id), messages.WARNING)
            return HttpResponseRedirect(get_list_url(self.model))
        return super().redirect_missing(request, object_id)
