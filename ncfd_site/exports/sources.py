"""What can be exported: every list of the admin, by the name of its model, and lists of the site that say so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.utils import timezone

from ncfd_site.adminkit.columns import fields_of
from ncfd_site.adminkit.links import list_url
from ncfd_site.adminkit.listing import ListRefused, admin_of, listed

EXPORT = "linkaudit.export_linkreview"
# A longer list is exported by a job. Rows that are fetched from the server at a time.
LONGEST = 50_000
FETCHED = 2_000


@dataclass(frozen=True, slots=True)
class Source:
    """A list: the table that it shows, its rows for a query string and a person, and the address of its page.

    `columns` are those of the file where they are not the columns of the table.
    """

    name: str
    model: type[Model]
    rows: Callable[[str, User], QuerySet[Any]]
    page: Callable[[], str]
    columns: Sequence[str] = ()


_lists: dict[str, Source] = {}


def register(source: Source) -> Source:
    """Make a list of the site known beside those of the admin, and return it."""
    _lists[source.name] = source
    return source


def source_of(name: str) -> Source:
    """Return the list of that name; raises LookupError where there is none."""
    if name in _lists:
        return _lists[name]
    model = apps.get_model(name) if name.count(".") == 1 else None
    if model is None:
        raise LookupError(f"There is no list {name}.")
    try:
        admin_of(model)
    except ListRefused as error:
        raise LookupError(str(error)) from error
    return Source(name, model, lambda query, actor: listed(model, query, actor), lambda: list_url(model))


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows of a list that a person exports, and the columns that the person may see."""

    source: Source
    columns: list[str]
    rows: QuerySet[Any]

    def is_long(self) -> bool:
        """Whether there are more than `LONGEST` rows; no more than these are read to know."""
        return bool(self.rows[LONGEST : LONGEST + 1])

    def file_name(self, ending: str) -> str:
        """Return a name for the file: the table and the moment."""
        return f"{self.source.model._meta.db_table}-{timezone.now():%Y%m%dT%H%M%SZ}.{ending}"


def listing(source: Source, query: str, actor: User) -> Listing:
    """Return what a person exports of a list.

    Raises PermissionDenied without `linkaudit.export_linkreview` or the right to view the table, and `ListRefused`
    where the filter makes no sense.
    """
    opts = source.model._meta
    for permission in (EXPORT, f"{opts.app_label}.view_{opts.model_name}"):
        if not actor.has_perm(permission):
            raise PermissionDenied(
                f"Exporting {opts.verbose_name_plural} needs the permission {permission}, "
                f"which {actor.get_username()} does not have."
            )
    fields = fields_of(source.model).values()
    columns = [*source.columns] or [field.attname for field in fields if _may_see(source.model, field, actor)]
    return Listing(source, columns, source.rows(query, actor).values_list(*columns))


def back_to(source: Source, query: str) -> str:
    """Return the address of the page that shows the list."""
    return f"{source.page()}?{query}" if query else source.page()


def _may_see(model: type[Model], field: Any, actor: User) -> bool:
    try:
        hidden = admin_of(model).hidden_fields
    except ListRefused:
        hidden = {}
    needed = hidden.get(field.name) or hidden.get(field.attname)
    return needed is None or actor.has_perm(needed)
