"""The lists that can be exported: every list of the admin by its model, and registered lists of the site."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR
from django.contrib.auth.models import User
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.text import slugify

from ncfd_site.adminkit.columns import get_fields
from ncfd_site.adminkit.links import get_list_url
from ncfd_site.adminkit.read_only import ListError, get_admin, select_listed_rows
from ncfd_site.core.permissions import check_permission
from ncfd_site.core.registry import Registry
from ncfd_site.exports.formats import Heading

EXPORT = "linkaudit.export_linkreview"
# Rows: more than the limit need a background job; fetched from the server at a time.
STREAMING_LIMIT = 50_000
FETCH_SIZE = 2_000
# Characters of the filter in the name of a file.
NAME_LENGTH = 100


@dataclass(frozen=True, slots=True)
class SelectedRows:
    """The rows of a list, its filter in words, and the columns of the file; empty for those of the table."""

    rows: QuerySet[Any]
    words: str
    columns: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A list: its table, its rows for a query string and a user, and the address of its page."""

    name: str
    model: type[Model]
    select: Callable[[str, User], SelectedRows]
    page: Callable[[], str]


_registry = Registry[Source]("list", "jobs", lambda source: source.name)
register = _registry.register


def find_source(name: str) -> Source:
    """Return the list to export: a registered one, or the admin's list of a model as `app.model`.

    Raises LookupError when there is none.
    """
    if registered := _registry.items().get(name):
        return registered
    model = apps.get_model(name) if name.count(".") == 1 else None
    if model is None:
        raise LookupError(f"There is no list {name}.")
    try:
        get_admin(model)
    except ListError as error:
        raise LookupError(str(error)) from error
    return Source(name, model, lambda *given: _select_admin_rows(model, *given), lambda: get_list_url(model))


def _select_admin_rows(model: type[Model], query: str, actor: User) -> SelectedRows:
    filters = [f"{name}: {value}" for name, value in QueryDict(query).items() if name not in (ORDER_VAR, PAGE_VAR)]
    return SelectedRows(select_listed_rows(model, query, actor), "; ".join(filters) or "no filter")


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows of an export, with the columns that the user may see, and the filter in words."""

    source: Source
    columns: list[str]
    rows: QuerySet[Any]
    words: str
    # The database of the request, which ends before its rows are sent.
    using: str = field(default_factory=lambda: connections[DEFAULT_DB_ALIAS].alias)

    def count_short(self) -> int | None:
        """Count the rows; return None above `STREAMING_LIMIT`, and read no more than those."""
        count = self.rows[: STREAMING_LIMIT + 1].count()
        return count if count <= STREAMING_LIMIT else None

    def describe(self, count: int) -> Heading:
        """Return what a file states before its rows."""
        return Heading(str(self.source.model._meta.verbose_name_plural), self.words, count, timezone.now())

    def iterate_rows(self) -> Iterator[Any]:
        """Yield the rows of one snapshot.

        The transaction holds the server's cursor: behind a pooler in transaction mode, a cursor outside one is read on
        other server connections than the one that has it, and rows are missing.
        """
        with transaction.atomic(using=self.using):
            yield from self.rows.using(self.using).iterator(chunk_size=FETCH_SIZE)

    def file_name(self, ending: str) -> str:
        """Return a file name of the table, the filter and the time."""
        words = slugify(self.words)[:NAME_LENGTH].strip("-")
        return f"{self.source.model._meta.db_table}-{words}-{timezone.now():%Y%m%dT%H%M%SZ}.{ending}"


def select_rows(source: Source, query: str, actor: User) -> Listing:
    """Return the export of a list for a user.

    Raises PermissionDenied without `linkaudit.export_linkreview` or the permission to view the table, and
    `ListError` for an invalid filter.
    """
    opts = source.model._meta
    for permission in (EXPORT, f"{opts.app_label}.view_{opts.model_name}"):
        check_permission(actor, permission, f"Exporting {opts.verbose_name_plural}")
    fields = get_fields(source.model).values()
    selected = source.select(query, actor)
    columns = [*selected.columns] or [field.attname for field in fields if _can_see_field(source.model, field, actor)]
    return Listing(source, columns, selected.rows.values_list(*columns), selected.words)


def build_page_url(source: Source, query: str) -> str:
    """Return the address of the page that shows the list."""
    return f"{source.page()}?{query}" if query else source.page()


def _can_see_field(model: type[Model], field: Any, actor: User) -> bool:
    try:
        hidden = get_admin(model).hidden_fields
    except ListError:
        hidden = {}
    needed = hidden.get(field.name) or hidden.get(field.attname)
    return needed is None or actor.has_perm(needed)
