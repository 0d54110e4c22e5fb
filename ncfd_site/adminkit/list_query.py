"""The rows of an admin list without its page, for bulk actions and exports, also in jobs."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR
from django.contrib.auth.models import User
from django.contrib.messages.api import MessageFailure
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db.models import Model, QuerySet
from django.http import HttpRequest, QueryDict

from ncfd_site.adminkit.read_only import ReadOnlyAdmin
from ncfd_site.config.errors import UserError


class ListError(UserError):
    """The list does not exist, or its filter is invalid."""


def get_admin(model: type[Model]) -> ReadOnlyAdmin:
    """Return the admin of a model. Raises `ListError` if it is not a `ReadOnlyAdmin`."""
    found = admin.site._registry.get(model)  # noqa: SLF001  (there is no public accessor)
    if not isinstance(found, ReadOnlyAdmin):
        raise ListError(f"There is no list of {model._meta.verbose_name_plural}.")
    return found


def select_listed_rows(model: type[Model], query: str, actor: User) -> QuerySet[Any]:
    """Return the rows that a list shows a user for a query string, in its order, on all model_admin.

    Raises PermissionDenied if the user may not view the model, and `ListError` if the filter is invalid.
    """
    model_admin = get_admin(model)
    request = HttpRequest()
    request.method = "GET"
    request.GET = QueryDict(_without_page(query))
    request.user = actor
    if not model_admin.has_view_permission(request):
        raise PermissionDenied(f"{actor.get_username()} may not view {model._meta.verbose_name_plural}.")
    try:
        change_list = model_admin.get_changelist_instance(request)
    except (IncorrectLookupParameters, MessageFailure, SuspiciousOperation) as error:
        raise ListError("The filter of the list is invalid. Go back to the list and correct it.") from error
    rows: QuerySet[Any] = change_list.queryset
    return rows


def _without_page(query: str) -> str:
    given = QueryDict(query, mutable=True)
    given.pop(PAGE_VAR, None)
    given.pop(ERROR_FLAG, None)
    return given.urlencode()
