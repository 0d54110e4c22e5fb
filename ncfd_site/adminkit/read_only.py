"""The read-only admin of every table: uncounted lists, search by index, formatted values.

Bulk actions and exports read the rows of a list without its page, also in background jobs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import IncorrectLookupParameters, ShowFacets
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.contrib.admin.views.main import ERROR_FLAG, PAGE_VAR
from django.contrib.auth.models import User
from django.contrib.messages.api import MessageFailure
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import capfirst

from ncfd_site.adminkit import search
from ncfd_site.adminkit.change_list import UncountedChangeList, UncountedPaginator
from ncfd_site.adminkit.columns import Column, get_fields
from ncfd_site.adminkit.links import build_object_id, get_list_url
from ncfd_site.adminkit.search import SearchField
from ncfd_site.config.errors import UserError
from ncfd_site.core import formatting


@dataclass(frozen=True, slots=True)
class Table:
    """Related rows on the page of a row, with a message if there are none, and a note."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty: str
    note: Any = ""


class ReadOnlyAdmin(admin.ModelAdmin):
    """Lists and pages of a table that pipelines write. What users may change are actions on these pages.

    `search_by` are the search fields; `filled_by` is the sentence of an empty list on what writes the table;
    `hidden_fields` maps a field to the permission to see it; `keeps_history` is whether users' actions are in the
    admin's log.
    """

    search_by: ClassVar[Sequence[SearchField]] = ()
    filled_by: ClassVar[str] = "The pipelines write this table."
    hidden_fields: ClassVar[dict[str, str]] = {}
    keeps_history: ClassVar[bool] = False

    change_list_template = "admin/ncfd/change_list.html"
    change_form_template = "admin/ncfd/change_form.html"
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 100
    list_max_show_all = 0
    actions: Any = None
    ordering: ClassVar[Any] = ("-pk",)
    empty_value_display = "not given"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Django shows a search box, and completes foreign keys to the table, if these are set.
        cls.search_fields = tuple(field.lookup for field in cls.search_by)
        cls.search_help_text = search.describe_fields(cls.search_by) if cls.search_by else None

    def __init__(self, model: type[models.Model], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        # A select box would read the whole table of a foreign key.
        self.raw_id_fields = tuple(  # type: ignore[misc]
            name for name, field in get_fields(model).items() if field.is_relation and not field.primary_key
        )
        self._formatted = {
            name: attribute for name, field in get_fields(model).items() if (attribute := self._add_formatter(field))
        }

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # URLs

    def get_urls(self) -> list[URLPattern]:
        """Return list and page, and the history if it is kept."""
        pages = [
            path("", self.admin_view(self.changelist_view), name=self.get_url_name("changelist")),
            path("<path:object_id>/change/", self.admin_view(self.change_view), name=self.get_url_name("change")),
        ]
        if self.keeps_history:
            view = self.admin_view(self.history_view)
            pages.append(path("<path:object_id>/history/", view, name=self.get_url_name("history")))
        return pages

    def admin_view(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view for staff users only."""
        return self.admin_site.admin_view(view)

    def get_url_name(self, action: str) -> str:
        """Return the URL name of an action on this table."""
        return f"{self.opts.app_label}_{self.opts.model_name}_{action}"

    def build_object_id(self, row: Any) -> str:
        """Return the primary key of a row as part of a URL."""
        return build_object_id(row)

    # Lists

    def get_paginator(self, request: HttpRequest, queryset: Any, *args: Any, **kwargs: Any) -> Paginator:
        # The history of a row is short, and its template shows the count.
        paginator = Paginator if queryset.model is LogEntry else UncountedPaginator
        return paginator(queryset, *args, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[UncountedChangeList]:
        return UncountedChangeList

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [column for column in self.list_display if self._can_see_field(request, getattr(column, "__name__", ""))]

    def get_list_select_related(self, request: HttpRequest) -> tuple[str, ...]:
        return tuple(dict.fromkeys(join for column in self.get_columns(request) for join in column.joins))

    def get_sortable_by(self, request: HttpRequest) -> Any:
        return [column for column in self.get_columns(request) if column.admin_order_field]

    def get_columns(self, request: HttpRequest) -> list[Column]:
        """Return the columns that the user may see, without the checkboxes of actions."""
        return [column for column in self.get_list_display(request) if isinstance(column, Column)]

    def get_read_fields(self, request: HttpRequest) -> list[str]:
        """Return the fields that the list reads: the key and what its columns need."""
        keys = [field.name for field in self.opts.pk_fields]
        return list(dict.fromkeys([*keys, *(read for column in self.get_columns(request) for read in column.reads)]))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        # PostgreSQL text never contains NUL.
        if not term:
            return queryset, False
        return (queryset.none() if "\0" in term else search.filter_rows(queryset, term, self.search_by)), False

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Prefetch what the columns show of other tables for the rows of a page."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        context = {"title": title, "filled_by": self.filled_by, **(extra_context or {})}
        return super().changelist_view(request, context)

    # One row

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return list(get_fields(self.model))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        def select_visible(names: Sequence[Any]) -> list[Any]:
            return [self._formatted.get(name, name) for name in names if self._can_see_field(request, name)]

        fieldsets = super().get_fieldsets(request, obj)
        return [(title, {**options, "fields": select_visible(options["fields"])}) for title, options in fieldsets]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return flatten_fieldsets(self.get_fieldsets(request, obj))

    def redirect_missing(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Redirect to the list with a message that the row does not exist."""
        text = f"There is no {self.opts.verbose_name} {object_id}: it was deleted, or the URL is wrong."
        self.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(get_list_url(self.model))

    # Django redirects to the index of the admin.
    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        return self.redirect_missing(request, unquote(object_id))

    def get_tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Return the tables of related rows on the page of a row."""
        return []

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        context["title"] = capfirst(self.opts.verbose_name)
        if context.get("original") is not None:
            context["tables"] = self.get_tables(request, context["original"])
        return super().render_change_form(request, context, *args, **kwargs)

    def render_page(
        self, request: HttpRequest, template: str, title: str, *, status: int = 200, **context: Any
    ) -> TemplateResponse:
        """Render an additional page of the table from a template under `admin/`."""
        common = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "media": self.media}
        return TemplateResponse(request, f"admin/{template}", {**common, **context}, status=status)

    def _can_see_field(self, request: HttpRequest, name: str) -> bool:
        permission = self.hidden_fields.get(name)
        return permission is None or request.user.has_perm(permission)

    def _add_formatter(self, field: models.Field) -> str | None:
        format_value = _choose_formatter(field)
        if format_value is None:
            return None

        def format_field(row: Any) -> Any:
            value = getattr(row, field.name)
            return self.get_empty_value_display() if value is None or value == "" else format_value(value)

        format_field.short_description = field.verbose_name  # type: ignore[attr-defined]
        # Django looks up a field of a page by name on the admin.
        setattr(self, f"{field.name}_formatted", format_field)
        return f"{field.name}_formatted"


def _choose_formatter(field: models.Field) -> Callable[[Any], Any] | None:
    if isinstance(field, models.JSONField):
        return formatting.render_json
    if isinstance(field, models.BooleanField):
        return formatting.format_yes_no
    if isinstance(field, models.DateTimeField):
        return formatting.render_moment
    if field.name == "url" or field.name.endswith("_url"):
        return formatting.render_link
    return None


class ListError(UserError):
    """The list does not exist, or its filter is invalid."""


def get_admin(model: type[models.Model]) -> ReadOnlyAdmin:
    """Return the admin of a model. Raises `ListError` if it is not a `ReadOnlyAdmin`."""
    if not admin.site.is_registered(model):
        # A command that has not imported the URLs.
        admin.autodiscover()
    found = admin.site._registry.get(model)  # noqa: SLF001  (there is no public accessor)
    if not isinstance(found, ReadOnlyAdmin):
        raise ListError(f"There is no list of {model._meta.verbose_name_plural}.")
    return found


def select_listed_rows(model: type[models.Model], query: str, actor: User) -> models.QuerySet[Any]:
    """Return the rows that a list shows a user for a query string on all pages, in its order.

    Raises PermissionDenied if the user may not view the model, and `ListError` if the filter is invalid.
    """
    model_admin = get_admin(model)
    given = QueryDict(query, mutable=True)
    given.pop(PAGE_VAR, None)
    given.pop(ERROR_FLAG, None)
    request = HttpRequest()
    request.method = "GET"
    request.GET = QueryDict(given.urlencode())
    request.user = actor
    if not model_admin.has_view_permission(request):
        raise PermissionDenied(f"{actor.get_username()} may not view {model._meta.verbose_name_plural}.")
    try:
        change_list = model_admin.get_changelist_instance(request)
    except (IncorrectLookupParameters, MessageFailure, SuspiciousOperation) as error:
        raise ListError("The filter of the list is invalid. Go back to the list and correct it.") from error
    rows: models.QuerySet[Any] = change_list.queryset
    return rows
