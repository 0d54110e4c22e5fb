"""The rows of a list of the admin without its page: for what is done with all of them, now or in a job later."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR
from django.contrib.auth.models import User
from django.contrib.messages.api import MessageFailure
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db.models import Model, QuerySet
from django.http import HttpRequest, QueryDict

from ncfd_site.adminkit.tables import ReadOnlyAdmin
from ncfd_site.config.errors import UserError


class ListRefused(UserError):
    """There is no such list, or its filter makes no sense; the text says which."""


def admin_of(model: type[Model]) -> ReadOnlyAdmin:
    """Return the pages of a table; raises `ListRefused` where the admin has none of ours."""
    found = admin.site._registry.get(model)  # noqa: SLF001  (there is no public way to ask)
    if not isinstance(found, ReadOnlyAdmin):
        raise ListRefused(f"There is no list of {model._meta.verbose_name_plural}.")
    return found


def listed(model: type[Model], query: str, actor: User) -> QuerySet[Any]:
    """Return the rows that the list shows this person for a query string, filtered and sorted as there, on all pages.

    Raises PermissionDenied where the person may not view the table, and `ListRefused` where the filter makes no sense.
    """
    pages = admin_of(model)
    request = HttpRequest()
    request.method = "GET"
    request.GET = QueryDict(_without_page(query))
    request.user = actor
    if not pages.has_view_permission(request):
        raise PermissionDenied(f"{actor.get_username()} may not view {model._meta.verbose_name_plural}.")
    try:
        shown = pages.get_changelist_instance(request)
    except (IncorrectLookupParameters, MessageFailure, SuspiciousOperation) as error:
        raise ListRefused("The filter of the list makes no sense: go back to the list and choose again.") from error
    rows: QuerySet[Any] = shown.queryset
    return rows


def _without_page(query: str) -> str:
    given = QueryDict(query, mutable=True)
    given.pop(PAGE_VAR, None)
    given.pop(ERROR_FLAG, None)
    return given.urlencode()
