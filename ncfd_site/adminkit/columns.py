"""Columns of lists. Each says which database columns it reads, so that a list reads those and no others."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from django.db import models
from django.db.models.constants import LOOKUP_SEP

from ncfd_site.adminkit.links import object_link
from ncfd_site.core.formatting import render_age

Draw = Callable[[Any], Any]
UNKNOWN = "unknown"


class Column:
    """One column: its name in class names of the page, its heading, how a cell is drawn, and what that reads.

    `reads` are field paths; `joins` the relations to fetch along. `order` is a field with an index to sort by, or
    None. `empty` stands where the cell is None. The attributes have the names that Django's lists look for.
    """

    def __init__(
        self,
        name: str,
        heading: str,
        draw: Draw,
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
        self.draw = draw
        self.reads = reads
        self.joins = joins

    def __call__(self, row: Any) -> Any:
        """Return the cell of a row."""
        return self.draw(row)


def value(
    path: str, heading: str = "", *, empty: str = UNKNOWN, order: bool = False, draw: Draw | None = None
) -> Column:
    """The value at a field path such as `phase` or `trial__nct_id`; `draw` turns it into what is shown."""
    relation, _, _ = path.rpartition(LOOKUP_SEP)

    def cell(row: Any) -> Any:
        found = follow(row, path)
        if found is None or found == "":
            return None
        if draw:
            return draw(found)
        # The form that sorts by eye, and the shortest.
        return found.isoformat() if isinstance(found, date) else found

    return Column(
        path.replace(LOOKUP_SEP, "_"),
        heading or _words(path),
        cell,
        reads=(path,),
        joins=(relation,) if relation else (),
        order=path if order else None,
        empty=empty,
    )


def when(path: str, heading: str = "", *, empty: str = UNKNOWN, order: bool = False) -> Column:
    """A moment, as an age with the exact moment in the title."""
    return value(path, heading, empty=empty, order=order, draw=render_age)


def choice(field: str, heading: str = "", *, empty: str = UNKNOWN) -> Column:
    """A field with choices, in the words of the choices."""
    return Column(
        field,
        heading or _words(field),
        lambda row: getattr(row, f"get_{field}_display")() or None,
        reads=(field,),
        empty=empty,
    )


def words(field: str, heading: str = "", *, yes: str, no: str, unknown: str = UNKNOWN, order: bool = False) -> Column:
    """A boolean in words."""
    spoken = {True: yes, False: no}
    return Column(
        field,
        heading or _words(field),
        lambda row: spoken.get(getattr(row, field)),
        reads=(field,),
        order=field if order else None,
        empty=unknown,
    )


def related(
    relation: str, shows: str, heading: str = "", *, empty: str = UNKNOWN, also: tuple[str, ...] = ()
) -> Column:
    """A link to the page of the row that a foreign key points to; `shows` is the field or property that names it.

    `also` are further fields of that row which the name needs, where `shows` is a property.
    """

    def cell(row: Any) -> Any:
        target = follow(row, relation)
        return None if target is None else object_link(target, str(getattr(target, shows)))

    wanted = also or (shows,)
    return Column(
        relation.replace(LOOKUP_SEP, "_"),
        heading or _words(relation),
        cell,
        reads=(relation, *(f"{relation}{LOOKUP_SEP}{name}" for name in wanted)),
        joins=(relation,),
        empty=empty,
    )


def follow(row: Any, path: str) -> Any:
    """Return what a field path leads to from a row; None where a relation on the way is empty."""
    for name in path.split(LOOKUP_SEP):
        if row is None:
            return None
        row = getattr(row, name)
    return row


def fields_of(model: type[models.Model]) -> dict[str, models.Field]:
    """Return the concrete fields of a model by name; a composite key is no field of its own."""
    return {field.name: field for field in model._meta.concrete_fields}


def _words(path: str) -> str:
    return path.replace(LOOKUP_SEP, " ").replace("_", " ")
