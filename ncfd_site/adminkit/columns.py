"""Columns of lists. A column declares the database columns that it needs, and a list reads only those."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from django.db import models
from django.db.models.constants import LOOKUP_SEP

from ncfd_site.adminkit.links import render_object_link
from ncfd_site.core.formatting import render_age

Render = Callable[[Any], Any]
UNKNOWN = "unknown"


class Column:
    """One column of a list.

    `name` appears in CSS classes; `render` returns the cell of a row; `reads` are the field paths that it needs,
    `joins` the relations to fetch with the row; `order` is an indexed field to sort by; `empty` is shown for None.
    Django's lists find the attributes by these names.
    """

    def __init__(
        self,
        name: str,
        heading: str,
        render: Render,
        *,
        reads: Sequence[str] = (),
        joins: Sequence[str] = (),
        order: str | None = None,
        empty: str = UNKNOWN,
    ) -> None:
        self.__name__ = name
        self.short_description = heading
        self.empty_value_display = empty
        self.admin_order_field = order
        self.render = render
        self.reads = reads
        self.joins = joins

    def __call__(self, row: Any) -> Any:
        """Return the cell of a row."""
        return self.render(row)


def value_column(
    path: str, heading: str = "", *, empty: str = UNKNOWN, order: bool = False, render: Render | None = None
) -> Column:
    """Return a column with the value at a field path such as `phase` or `trial__nct_id`; `render` formats it."""
    relation, _, _ = path.rpartition(LOOKUP_SEP)

    def render_cell(row: Any) -> Any:
        found = follow_path(row, path)
        if found is None or found == "":
            return None
        if render:
            return render(found)
        return found.isoformat() if isinstance(found, date) else found

    return Column(
        path.replace(LOOKUP_SEP, "_"),
        heading or _humanize_path(path),
        render_cell,
        reads=(path,),
        joins=(relation,) if relation else (),
        order=path if order else None,
        empty=empty,
    )


def age_column(path: str, heading: str = "", *, empty: str = UNKNOWN, order: bool = False) -> Column:
    """Return a column with the age of a moment."""
    return value_column(path, heading, empty=empty, order=order, render=render_age)


def choice_column(field: str, heading: str = "", *, empty: str = UNKNOWN) -> Column:
    """Return a column with the label of a choice."""
    return Column(
        field,
        heading or _humanize_path(field),
        lambda row: getattr(row, f"get_{field}_display")() or None,
        reads=(field,),
        empty=empty,
    )


def boolean_column(
    field: str, heading: str = "", *, yes: str, no: str, unknown: str = UNKNOWN, order: bool = False
) -> Column:
    """Return a column with labels for true and false."""
    return value_column(field, heading, empty=unknown, order=order, render={True: yes, False: no}.get)


def related_column(
    relation: str, shows: str, heading: str = "", *, empty: str = UNKNOWN, also: tuple[str, ...] = ()
) -> Column:
    """Return a column that links to the row of a foreign key, with the field or property `shows` as its text.

    `also` are the fields of that row that a property needs.
    """

    def render_cell(row: Any) -> Any:
        target = follow_path(row, relation)
        return None if target is None else render_object_link(target, str(getattr(target, shows)))

    wanted = also or (shows,)
    return Column(
        relation.replace(LOOKUP_SEP, "_"),
        heading or _humanize_path(relation),
        render_cell,
        reads=(relation, *(f"{relation}{LOOKUP_SEP}{name}" for name in wanted)),
        joins=(relation,),
        empty=empty,
    )


def follow_path(row: Any, path: str) -> Any:
    """Return the value at a field path, None if a relation on the path is empty."""
    for name in path.split(LOOKUP_SEP):
        if row is None:
            return None
        row = getattr(row, name)
    return row


def get_fields(model: type[models.Model]) -> dict[str, models.Field]:
    """Return the concrete fields of a model by name, without a composite key."""
    return {field.name: field for field in model._meta.concrete_fields}


def _humanize_path(path: str) -> str:
    return path.replace(LOOKUP_SEP, " ").replace("_", " ")
