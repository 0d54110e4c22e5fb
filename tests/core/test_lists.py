"""Lists with filters, an order and pages in their address."""

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import pytest
from django import forms
from django.http import QueryDict

from ncfd_site.core.lists import LAST_PAGE, ChoicesField, ListForm, OrderField, Selection, make_page


@dataclass(frozen=True, slots=True)
class Filter(Selection):
    """A selection with a field that the address names otherwise."""

    parameters: ClassVar[dict[str, str]] = {"sort": "order", "since": "from"}

    kind: str = ""
    since: date | None = None
    sort: str = "name"
    states: tuple[str, ...] = ()


class FilterForm(ListForm[Filter]):
    """Its form."""

    selection_class = Filter

    kind = forms.CharField(required=False)
    order = OrderField({"name": "A to Z", "-name": "Z to A", "size": "smallest first"})
    states = ChoicesField(label="State", choices=[("new", "New"), ("old", "Old")])

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
    query = "kind=a&from=2026-01-31&order=-name,size&states=old&states=new"
    selection = read(query).get_selection()
    assert selection == Filter("a", date(2026, 1, 31), "-name,size", ("old", "new"))
    assert selection.query_string == query
    # The form has a box for each key; an older address has another name.
    assert read("order=-name&order=size").get_selection().keys == ["-name", "size"]
    assert read("order=-name&order=name").get_selection().keys == ["-name"]
    assert read("sort=-name").get_selection().keys == ["-name"]


def test_a_preset_is_the_filter_of_an_address_without_one() -> None:
    class Preset(Filter):
        preset = {"kind": "a", "states": ("new",)}

        def describe(self, name: str, value: Any) -> str:
            return f"{name} is {value}"

    class PresetForm(FilterForm):
        selection_class = Preset

    def select(query: str) -> Filter:
        form = PresetForm(QueryDict(query))
        assert form.is_valid()
        return form.get_selection()

    for query, kind, states, again in (
        ("", "a", ("new",), ""),
        ("order=size&page=2", "a", ("new",), "order=size"),
        ("kind=a&states=new", "a", ("new",), ""),
        ("kind=&order=size", "", (), "filter=none&order=size"),
        ("filter=none", "", (), "filter=none"),
        ("states=new&states=old", "", ("new", "old"), "states=new&states=old"),
    ):
        selection = select(query)
        assert (selection.kind, selection.states, selection.query_string) == (kind, states, again)
    assert select("").words == "kind is a; states is new"
    assert [chip.without for chip in select("").chips] == ["?states=new", "?kind=a"]
    assert select("").all_rows == "?filter=none"
    assert select("filter=none").words == "no filter"


def test_the_submitted_value_is_offered_even_if_it_is_unknown() -> None:
    assert '<option value="z" selected>z</option>' in str(read("kind=z")["kind"])
    assert str(read("kind=a")["kind"]).count("<option") == 2
    assert "\x00" not in str(FilterForm(QueryDict("kind=%00"))["kind"])


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=x",
        f"page={LAST_PAGE + 1}",
        "order=kind",
        "order=name,-name,size",
        "states=x",
        "states=new&states=x",
        "from=yesterday",
    ],
)
def test_values_that_cannot_be_read_are_errors(query: str) -> None:
    assert not FilterForm(QueryDict(query)).is_valid()


def test_pages_are_numbered_from_one_to_the_limit() -> None:
    assert [read(query).get_page_number() for query in ("", "page=3")] == [1, 3]
    page = make_page([1, 2, 3], 2, 2)
    assert (page.rows, page.previous_number, page.next_number, page.has_next) == ([1, 2], 1, 3, True)
    assert (page.first_row, page.last_row) == (3, 4)
    last = make_page([1, 2, 3], LAST_PAGE + 1, 2)
    assert (last.number, last.has_next, last.is_last_allowed) == (LAST_PAGE, False, True)
