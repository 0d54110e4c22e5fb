"""Filters whose choices do not require a scan of the table."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from ncfd_site.core import sql

# More choices do not help; a column with more is the wrong one to filter by.
MAX_VALUES = 100
NONE = "none"


class IndexedValuesFilter(SimpleListFilter):
    """The values of an indexed column.

    `column` is the field; `nothing` labels the choice for rows without a value, "" if the column is never NULL.
    """

    column: str
    nothing: str = ""

    def get_values(self, model: type[Model]) -> Iterable[Any]:
        """Return the values to choose from."""
        column = model._meta.get_field(self.column).column  # type: ignore[union-attr]
        return sql.read_distinct_values(model._meta.db_table, str(column), MAX_VALUES)

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        choices = [(str(value), str(value)) for value in self.get_values(model_admin.model)]
        if choices and self.nothing:
            choices.append((NONE, self.nothing))
        chosen = self.value()
        # Django omits a filter whose value is no choice, and would show rows that the URL does not select.
        if chosen is not None and chosen not in dict(choices):
            choices.append((chosen, self.nothing if chosen == NONE and self.nothing else chosen))
        return choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen is None:
            return queryset
        if chosen == NONE and self.nothing:
            return queryset.filter(**{f"{self.column}__isnull": True})
        return queryset.filter(**{self.column: chosen})


def indexed_values_filter(column: str, title: str, nothing: str = "") -> type[IndexedValuesFilter]:
    """Return a filter by the values of an indexed column."""
    attributes = {"column": column, "title": title, "parameter_name": column, "nothing": nothing}
    return type(f"{column}_filter", (IndexedValuesFilter,), attributes)


class FixedChoicesFilter(SimpleListFilter):
    """Fixed choices: the value in the URL, its label, and its condition."""

    choices_with_conditions: Sequence[tuple[str, str, dict[str, Any]]] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [(value, label) for value, label, _ in self.choices_with_conditions]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        for value, _, condition in self.choices_with_conditions:
            if self.value() == value:
                return queryset.filter(**condition)
        if self.value() is not None:
            raise IncorrectLookupParameters(f"{self.parameter_name} has no choice {self.value()}")
        return queryset


def fixed_choices_filter(
    parameter: str, title: str, *offered: tuple[str, str, dict[str, Any]]
) -> type[FixedChoicesFilter]:
    """Return a filter by choices: (value in the URL, label, condition)."""
    attributes = {"title": title, "parameter_name": parameter, "choices_with_conditions": offered}
    return type(f"{parameter}_filter", (FixedChoicesFilter,), attributes)


def boolean_filter(field: str, title: str, yes: str, no: str, unknown: str = "") -> type[FixedChoicesFilter]:
    """Return a filter by a boolean with labels for its values."""
    offered: list[tuple[str, str, dict[str, Any]]] = [("yes", yes, {field: True}), ("no", no, {field: False})]
    if unknown:
        offered.append((NONE, unknown, {f"{field}__isnull": True}))
    return fixed_choices_filter(field, title, *offered)
