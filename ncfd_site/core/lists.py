"""Lists with filters, an order and pages, all kept in the address: form, selection and page."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import urlencode

from django import forms
from django.db.models import QuerySet

# The server reads an offset row by row: a narrower filter is quicker than more pages.
LAST_PAGE = 200
PAGE_SIZE = 50
ANY = ("", "any")

Row = TypeVar("Row")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters and order of a list, each with a default. The address omits defaults.

    `parameters` maps a field to the parameter of the address where the names differ.
    """

    parameters: ClassVar[dict[str, str]] = {}

    @property
    def query_string(self) -> str:
        """The query of the address, "" when every field has its default."""
        default = asdict(type(self)())
        chosen = {name: value for name, value in asdict(self).items() if value != default[name] and value is not None}
        return urlencode({self.parameters.get(name, name): value for name, value in chosen.items()})

    @property
    def is_default(self) -> bool:
        """True if every field has its default."""
        return self == type(self)()


Chosen = TypeVar("Chosen", bound=Selection)


def make_search_field(label: str, size: int = 24) -> forms.CharField:
    """Return the field that the key f moves to."""
    widget = forms.TextInput(attrs={"type": "search", "data-key": "f", "size": size})
    return forms.CharField(label=label, required=False, max_length=100, widget=widget)


class ListForm(forms.Form, Generic[Chosen]):
    """The address of a list: filters and order of `selection_class`, and a page. Every field is optional."""

    selection_class: ClassVar[type[Selection]]

    page = forms.IntegerField(required=False, min_value=1, max_value=LAST_PAGE, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def offer(self, name: str, choices: Iterable[tuple[str, str]]) -> None:
        """Show a field as a select box with these choices, and with the submitted value if it is none of them."""
        offered = list(choices)
        value = self.data.get(name, "")
        if value and "\x00" not in value and value not in dict(offered):
            offered.append((value, value[:60]))
        self.fields[name].widget = forms.Select(choices=offered)

    def get_selection(self) -> Chosen:
        """Return the selection of a valid form, with defaults for empty fields."""
        parameters = self.selection_class.parameters
        names = {field.name: parameters.get(field.name, field.name) for field in fields(self.selection_class)}
        chosen = {name: self.cleaned_data.get(parameter) for name, parameter in names.items()}
        return self.selection_class(**{name: value for name, value in chosen.items() if value not in ("", None)})  # type: ignore[return-value]

    def get_page_number(self) -> int:
        """Return the page number of a valid form, from 1."""
        return self.cleaned_data["page"] or 1


@dataclass(frozen=True, slots=True)
class ListPage(Generic[Row]):
    """One page of a list that is never counted as a whole."""

    rows: Sequence[Row]
    number: int
    has_next: bool
    size: int

    def with_rows(self, rows: Sequence[Item]) -> "ListPage[Item]":
        """Return the same page with what is shown for its rows."""
        return ListPage(rows, self.number, self.has_next, self.size)

    @property
    def has_previous(self) -> bool:
        """True if a page precedes this one."""
        return self.number > 1

    @property
    def previous_number(self) -> int:
        """The number of the previous page, 0 on the first."""
        return self.number - 1

    @property
    def next_number(self) -> int:
        """The number of the next page."""
        return self.number + 1

    @property
    def is_last_allowed(self) -> bool:
        """True if the page limit is reached and more rows may exist."""
        return self.number == LAST_PAGE and len(self.rows) == self.size

    @property
    def first_row(self) -> int:
        """The number of the first row, from 1."""
        return self.previous_number * self.size + 1

    @property
    def last_row(self) -> int:
        """The number of the last row."""
        return self.previous_number * self.size + len(self.rows)


def get_page_slice(number: int, size: int = 0) -> slice:
    """Return the rows to read for a page: one more than the page shows, to find out whether another page follows."""
    size = size or PAGE_SIZE
    start = (_clamp_page_number(number) - 1) * size
    return slice(start, start + size + 1)


def make_page(rows: Sequence[Row], number: int, size: int = 0) -> ListPage[Row]:
    """Return the page of the rows that were read by its slice."""
    size, number = size or PAGE_SIZE, _clamp_page_number(number)
    return ListPage(rows[:size], number, len(rows) > size and number < LAST_PAGE, size)


def read_page(rows: QuerySet[Any, Item], number: int, size: int = 0) -> ListPage[Item]:
    """Read a page of a queryset, in one query."""
    return make_page(list(rows[get_page_slice(number, size)]), number, size)


def _clamp_page_number(number: int) -> int:
    return min(max(number, 1), LAST_PAGE)
