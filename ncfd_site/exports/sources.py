"""The lists that can be exported: every list of the admin by its model, and registered lists of the site."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from ncfd_site.adminkit.columns import get_fields
from ncfd_site.adminkit.links import get_list_url
from ncfd_site.adminkit.read_only import ListError, get_admin, select_listed_rows
from ncfd_site.core.permissions import check_permission
from ncfd_site.core.registry import Registry

EXPORT = "linkaudit.export_linkreview"
# Rows: more than the limit need a background job; fetched from the server at a time.
STREAMING_LIMIT = 50_000
FETCH_SIZE = 2_000


@dataclass(frozen=True, slots=True)
class Source:
    """A list: its table, its rows for a query string and a user, and the address of its page.

    `columns` are the columns of the file; empty for those of the table.
    """

    name: str
    model: type[Model]
    rows: Callable[[str, User], QuerySet[Any]]
    page: Callable[[], str]
    columns: Sequence[str] = ()


_registry = Registry[Source]("list", "jobs", lambda source: source.name)
register = _registry.register


def find_source(name: str) -> Source:
    """Return the list of a name; raises LookupError when there is none."""
    if registered := _registry.items().get(name):
        return registered
    model = apps.get_model(name) if name.count(".") == 1 else None
    if model is None:
        raise LookupError(f"There is no list {name}.")
    try:
        get_admin(model)
    except ListError as error:
        raise LookupError(str(error)) from error
    return Source(
        name, model, lambda query, actor: select_listed_rows(model, query, actor), lambda: get_list_url(model)
    )


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows of an export, with the columns that the user may see."""

    source: Source
    columns: list[str]
    rows: QuerySet[Any]
    # The database of the request, which ends before its rows are sent.
    using: str = field(default_factory=lambda: connections[DEFAULT_DB_ALIAS].alias)

    def is_long(self) -> bool:
        """Return True above `STREAMING_LIMIT` rows; reads no more than those."""
        return bool(self.rows[STREAMING_LIMIT : STREAMING_LIMIT + 1])

    def iterate_rows(self) -> Iterator[Any]:
        """Yield the rows of one snapshot.

        The transaction holds the server's cursor: behind a pooler in transaction mode, a cursor outside one is read on
        other server connections than the one that has it, and rows are missing.
        """
        with transaction.atomic(using=self.using):
            yield from self.rows.using(self.using).iterator(chunk_size=FETCH_SIZE)

    def file_name(self, ending: str) -> str:
        """Return a file name of the table and the time."""
        return f"{self.source.model._meta.db_table}-{timezone.now():%Y%m%dT%H%M%SZ}.{ending}"


def select_rows(source: Source, query: str, actor: User) -> Listing:
    """Return the export of a list for a user.

    Raises PermissionDenied without `linkaudit.export_linkreview` or the permission to view the table, and
    `ListError` for an invalid filter.
    """
    opts = source.model._meta
    for permission in (EXPORT, f"{opts.app_label}.view_{opts.model_name}"):
        check_permission(actor, permission, f"Exporting {opts.verbose_name_plural}")
    fields = get_fields(source.model).values()
    columns = [*source.columns] or [field.attname for field in fields if _can_see_field(source.model, field, actor)]
    return Listing(source, columns, source.rows(query, actor).values_list(*columns))


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
