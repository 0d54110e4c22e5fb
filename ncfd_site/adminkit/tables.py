"""What the pages of every table share: read-only, one window at a time, searched by index, drawn for people."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import ShowFacets
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.text import capfirst

from ncfd_site.adminkit import search
from ncfd_site.adminkit.columns import Column, fields_of
from ncfd_site.adminkit.links import id_in_url, list_url
from ncfd_site.adminkit.search import SearchBy
from ncfd_site.adminkit.windows import WindowChangeList, WindowPaginator
from ncfd_site.core import formatting
from ncfd_site.core.json_html import render_json


@dataclass(frozen=True, slots=True)
class Table:
    """Related rows on the page of a row: `empty` says why there are none, `note` what one should know of them."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty: str
    note: Any = ""


class ReadOnlyAdmin(admin.ModelAdmin):
    """The pages of a table that pipelines write: people look. What people may do stands on these pages as an action.

    `search_by` says by what one searches, `filled_by` what puts rows into the table (a sentence, for the empty list),
    `hidden_fields` which fields only those see who hold the permission beside them, and `keeps_history` whether
    people's actions here are written down in the admin's log.
    """

    search_by: ClassVar[Sequence[SearchBy]] = ()
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

    class Media:
        css = {"all": ["ncfd/admin.css"]}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Django shows a search box, and completes foreign keys to a table, where these two are set.
        cls.search_fields = tuple(way.lookup for way in cls.search_by)
        cls.search_help_text = search.sentence(cls.search_by) if cls.search_by else None

    def __init__(self, model: type[models.Model], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        # A select box of a foreign key would read the whole table that it points to.
        self.raw_id_fields = tuple(  # type: ignore[misc]
            name for name, field in fields_of(model).items() if field.is_relation and not field.primary_key
        )
        self._drawn = {name: drawn for name, field in fields_of(model).items() if (drawn := self._add_drawing(field))}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # Addresses

    def get_urls(self) -> list[URLPattern]:
        """Return the pages that there are: no adding, changing or deleting, and a history where something is done."""
        pages = [
            path("", self.admin_view(self.changelist_view), name=self.url_name("changelist")),
            path("<path:object_id>/change/", self.admin_view(self.change_view), name=self.url_name("change")),
        ]
        if self.keeps_history:
            view = self.admin_view(self.history_view)
            pages.append(path("<path:object_id>/history/", view, name=self.url_name("history")))
        return pages

    def admin_view(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a view so that only people of the staff reach it."""
        return self.admin_site.admin_view(view)

    def url_name(self, action: str) -> str:
        """Return the name of an address of this table."""
        return f"{self.opts.app_label}_{self.opts.model_name}_{action}"

    def id_in_url(self, row: Any) -> str:
        """Return the key of a row as its address has it."""
        return id_in_url(row)

    # Lists

    def get_paginator(self, request: HttpRequest, queryset: Any, *args: Any, **kwargs: Any) -> Paginator:
        # The history of one row is short, and its template asks how many entries there are.
        paginator = Paginator if queryset.model is LogEntry else WindowPaginator
        return paginator(queryset, *args, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[WindowChangeList]:
        return WindowChangeList

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [column for column in self.list_display if self._may_see(request, column)]

    def get_list_select_related(self, request: HttpRequest) -> tuple[str, ...]:
        return tuple(dict.fromkeys(join for column in self.columns(request) for join in column.joins))

    def get_sortable_by(self, request: HttpRequest) -> Any:
        return [column for column in self.columns(request) if column.admin_order_field]

    def columns(self, request: HttpRequest) -> list[Column]:
        """Return the columns that this person sees; the box for actions is none."""
        return [column for column in self.get_list_display(request) if isinstance(column, Column)]

    def columns_read(self, request: HttpRequest) -> list[str]:
        """Return the fields that a list reads: those that its columns show, and the key."""
        keys = [field.name for field in self.opts.pk_fields]
        return list(dict.fromkeys([*keys, *(read for column in self.columns(request) for read in column.reads)]))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        # PostgreSQL has no text with a NUL in it, so nothing can be found by one.
        if not term:
            return queryset, False
        return (queryset.none() if "\0" in term else search.find(queryset, term, self.search_by)), False

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        """Fetch, in one go, what the columns show of other tables; called with the rows of the page."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        context = {"title": title, "filled_by": self.filled_by, **(extra_context or {})}
        return super().changelist_view(request, context)

    # One row

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return list(fields_of(self.model))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [
            (title, {**options, "fields": [self._shown(name) for name in self._visible(request, options["fields"])]})
            for title, options in super().get_fieldsets(request, obj)
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return flatten_fieldsets(self.get_fieldsets(request, obj))

    def gone(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Say that there is no such row, and show the list."""
        text = f"There is no {self.opts.verbose_name} {object_id}: it was deleted, or the address is mistyped."
        self.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(list_url(self.model))

    # Django's own goes to the first page of the admin.
    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        return self.gone(request, unquote(object_id))

    def tables(self, request: HttpRequest, row: Any) -> list[Table]:
        """Return the related rows that stand on a row's page."""
        return []

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        context["title"] = capfirst(self.opts.verbose_name)
        if context.get("original") is not None:
            context["tables"] = self.tables(request, context["original"])
        return super().render_change_form(request, context, *args, **kwargs)

    def _may_see(self, request: HttpRequest, column: Any) -> bool:
        hidden = self.hidden_fields.get(getattr(column, "__name__", ""))
        return hidden is None or request.user.has_perm(hidden)

    def _visible(self, request: HttpRequest, names: Sequence[Any]) -> list[Any]:
        return [
            name for name in names if name not in self.hidden_fields or request.user.has_perm(self.hidden_fields[name])
        ]

    def _shown(self, name: Any) -> Any:
        return self._drawn.get(name, name)

    def _add_drawing(self, field: models.Field) -> str | None:
        draw = _drawing_of(field)
        if draw is None:
            return None

        def shown(row: Any) -> Any:
            found = getattr(row, field.name)
            return self.get_empty_value_display() if found is None or found == "" else draw(found)

        shown.short_description = field.verbose_name  # type: ignore[attr-defined]
        # Django looks a field of a page up by name on the admin, and finds it here.
        setattr(self, f"{field.name}_shown", shown)
        return f"{field.name}_shown"


def _drawing_of(field: models.Field) -> Callable[[Any], Any] | None:
    if isinstance(field, models.JSONField):
        return render_json
    if isinstance(field, models.BooleanField):
        return formatting.format_yes_no
    if isinstance(field, models.DateTimeField):
        return formatting.render_moment
    if field.name == "url" or field.name.endswith("_url"):
        return formatting.render_link
    return None
