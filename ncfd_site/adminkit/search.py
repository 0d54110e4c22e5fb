"""Searching a list by what an index answers.

Django's search splits a term into words and looks for each anywhere in each column, which reads the whole table.
Here a list names what it is searched by; a term goes, whole, to those lookups that can take it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

LARGEST_KEY = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SearchBy:
    """One way to find rows: the lookup, which terms it takes, and the term in the form that the column has.

    `form` may also return the whole condition, where more than one column is asked.
    """

    lookup: str
    name: str
    takes: re.Pattern[str] | None = None
    form: Callable[[str], Any] = str

    def matches(self, term: str) -> Q | None:
        """Return the condition for a term, or None where the term cannot be such a value."""
        if self.takes and not self.takes.fullmatch(term):
            return None
        wanted = self.form(term)
        return wanted if isinstance(wanted, Q) else Q((self.lookup, wanted))


def pattern(expression: str) -> re.Pattern[str]:
    """Compile the pattern of the terms that a search takes; letter case does not matter."""
    return re.compile(expression, re.IGNORECASE)


def key(path: str, name: str) -> SearchBy:
    """A whole number, such as a primary key."""
    # More digits than the type holds would be an error of the database, not a search without result.
    return SearchBy(path, name, pattern(r"\d{1,19}"), lambda term: min(int(term), LARGEST_KEY))


def trial_number(path: str) -> SearchBy:
    """A number of ClinicalTrials.gov."""
    return SearchBy(path, "NCT number", pattern(r"nct\d{8}"), str.upper)


def sha256(path: str) -> SearchBy:
    """A whole SHA-256."""
    return SearchBy(path, "SHA-256", pattern(r"[0-9a-f]{64}"), str.lower)


def exact(path: str, name: str, form: Callable[[str], Any] = str) -> SearchBy:
    """The whole text of a column."""
    return SearchBy(path, name, form=form)


def prefix(path: str, name: str, form: Callable[[str], str] = str) -> SearchBy:
    """How the text of a column begins."""
    return SearchBy(f"{path}__startswith", f"beginning of the {name}", form=form)


def find(queryset: QuerySet[Any], term: str, ways: Sequence[SearchBy]) -> QuerySet[Any]:
    """Return the rows that any of the ways finds for the term; none where no way can take it."""
    conditions = [condition for way in ways if (condition := way.matches(term)) is not None]
    if not conditions:
        return queryset.none()
    return queryset.filter(Q(*conditions, _connector=Q.OR))


def sentence(ways: Sequence[SearchBy]) -> str:
    """Return what stands below the search box: by what one can search."""
    names = list(dict.fromkeys(way.name for way in ways))
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    return f"Search by {listed}."
