"""Search of lists by fields that have an index.

Django's search splits a term into words and looks for each anywhere in each column, which reads the whole table. Here
a list declares search fields, and a whole term is looked up in those that accept it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

MAX_KEY = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SearchField:
    """A lookup, the terms that it accepts, and the conversion of a term to the form of the column.

    `convert` may also return a whole condition, for more than one column.
    """

    lookup: str
    name: str
    accepts: re.Pattern[str] | None = None
    convert: Callable[[str], Any] = str

    def build_condition(self, term: str) -> Q | None:
        """Return the condition for a term, None if the field does not accept it."""
        if self.accepts and not self.accepts.fullmatch(term):
            return None
        wanted = self.convert(term)
        return wanted if isinstance(wanted, Q) else Q((self.lookup, wanted))


def compile_pattern(expression: str) -> re.Pattern[str]:
    """Compile a pattern of accepted terms, ignoring case."""
    return re.compile(expression, re.IGNORECASE)


def by_key(path: str, name: str) -> SearchField:
    """Return a search by an integer, such as a primary key."""
    # A larger number would be an error of the database instead of an empty result.
    return SearchField(path, name, compile_pattern(r"\d{1,19}"), lambda term: min(int(term), MAX_KEY))


def by_nct_id(path: str) -> SearchField:
    """Return a search by a whole NCT ID."""
    return SearchField(path, "NCT ID", compile_pattern(r"nct\d{8}"), str.upper)


def by_sha256(path: str) -> SearchField:
    """Return a search by a whole SHA-256."""
    return SearchField(path, "SHA-256", compile_pattern(r"[0-9a-f]{64}"), str.lower)


def by_text(path: str, name: str, convert: Callable[[str], Any] = str) -> SearchField:
    """Return a search by the whole text of a column."""
    return SearchField(path, name, convert=convert)


def by_prefix(path: str, name: str, convert: Callable[[str], str] = str) -> SearchField:
    """Return a search by the start of the text of a column."""
    return SearchField(f"{path}__startswith", f"start of the {name}", convert=convert)


def filter_rows(queryset: QuerySet[Any], term: str, fields: Sequence[SearchField]) -> QuerySet[Any]:
    """Return the rows that any field finds for the term."""
    conditions = [condition for field in fields if (condition := field.build_condition(term)) is not None]
    if not conditions:
        return queryset.none()
    return queryset.filter(Q(*conditions, _connector=Q.OR))


def describe_fields(fields: Sequence[SearchField]) -> str:
    """Return the help text of the search box."""
    names = list(dict.fromkeys(field.name for field in fields))
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    return f"Search by {listed}."
