"""Filters whose choices are known without reading the table."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from ncfd_site.adminkit.distinct import distinct_values

NONE = "none"


class KnownValues(SimpleListFilter):
    """The values of an indexed column, found by jumping from one to the next in its index.

    `column` names the field; `words` puts a value into words; `nothing` is the choice for rows without value, "" where
    the column is never NULL.
    """

    column: str
    nothing: str = ""

    def words(self, value: Any) -> str:
        """Return a value as the filter shows it."""
        return str(value)

    def values(self, model: type[Model]) -> Iterable[Any]:
        """Return the values to choose from."""
        return distinct_values(model, self.column)

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        choices = [(str(value), self.words(value)) for value in self.values(model_admin.model)]
        if choices and self.nothing:
            choices.append((NONE, self.nothing))
        chosen = self.value()
        # Django leaves a filter without choices out, and then shows rows that the address does not ask for.
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


def known_values(column: str, title: str, nothing: str = "") -> type[KnownValues]:
    """Return a filter by the values of an indexed column."""
    attributes = {"column": column, "title": title, "parameter_name": column, "nothing": nothing}
    return type(f"{column}_filter", (KnownValues,), attributes)


class Choices(SimpleListFilter):
    """Choices that are written down: `choices` maps the value in the address to words and to a condition."""

    choices_with_conditions: Sequence[tuple[str, str, dict[str, Any]]] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [(value, words) for value, words, _ in self.choices_with_conditions]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        for value, _, condition in self.choices_with_conditions:
            if self.value() == value:
                return queryset.filter(**condition)
        if self.value() is not None:
            raise IncorrectLookupParameters(f"{self.parameter_name} has no choice {self.value()}")
        return queryset


def choices(parameter: str, title: str, *offered: tuple[str, str, dict[str, Any]]) -> type[Choices]:
    """Return a filter by fixed choices: (value in the address, words, condition)."""
    attributes = {"title": title, "parameter_name": parameter, "choices_with_conditions": offered}
    return type(f"{parameter}_filter", (Choices,), attributes)


def yes_no(field: str, title: str, yes: str, no: str, unknown: str = "") -> type[Choices]:
    """Return a filter by a boolean, in words."""
    offered: list[tuple[str, str, dict[str, Any]]] = [("yes", yes, {field: True}), ("no", no, {field: False})]
    if unknown:
        offered.append((NONE, unknown, {f"{field}__isnull": True}))
    return choices(field, title, *offered)
