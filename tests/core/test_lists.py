"""Lists with filters, an order and pages in their address."""

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import pytest
from django import forms
from django.http import QueryDict

from ncfd_site.core.lists import LAST_PAGE, ListForm, Selection, make_page


@dataclass(frozen=True, slots=True)
class Filter(Selection):
    """A selection with a field that the address names otherwise."""

    parameters: ClassVar[dict[str, str]] = {"since": "from"}

    kind: str = ""
    since: date | None = None
    sort: str = "name"


class FilterForm(ListForm[Filter]):
    """Its form."""

    selection_class = Filter

    kind = forms.CharField(required=False)
    sort = forms.ChoiceField(required=False, choices=[("name", "A to Z"), ("-name", "Z to A")])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["from"] = forms.DateField(required=False)
        self.offer("kind", [("", "any"), ("a", "first")])


def read(query: str) -> FilterForm:
    form = FilterForm(QueryDict(query))
    assert form.is_valid()
    return form


def test_an_address_without_filters_is_the_default_selection() -> None:
    assert read("").get_selection() == Filter()
    assert read("sort=name&kind=").get_selection().query_string == ""
    assert Filter().is_default


def test_a_selection_survives_its_address() -> None:
    query = "kind=a&from=2026-01-31&sort=-name"
    selection = read(query).get_selection()
    assert selection == Filter("a", date(2026, 1, 31), "-name")
    assert selection.query_string == query


def test_the_submitted_value_is_offered_even_if_it_is_unknown() -> None:
    assert '<option value="z" selected>z</option>' in str(read("kind=z")["kind"])
    assert str(read("kind=a")["kind"]).count("<option") == 2
    assert "\x00" not in str(FilterForm(QueryDict("kind=%00"))["kind"])


@pytest.mark.parametrize("query", ["page=0", "page=x", f"page={LAST_PAGE + 1}", "sort=-kind", "from=yesterday"])
def test_values_that_cannot_be_read_are_errors(query: str) -> None:
    assert not FilterForm(QueryDict(query)).is_valid()


def test_pages_are_numbered_from_one_to_the_limit() -> None:
    assert [read(query).get_page_number() for query in ("", "page=3")] == [1, 3]
    page = make_page([1, 2, 3], 2, 2)
    assert (page.rows, page.previous_number, page.next_number, page.has_next) == ([1, 2], 1, 3, True)
    assert (page.first_row, page.last_row) == (3, 4)
    last = make_page([1, 2, 3], LAST_PAGE + 1, 2)
    assert (last.number, last.has_next, last.is_last_allowed) == (LAST_PAGE, False, True)
