"""Lists with filters, an order, columns and pages, all kept in the address: form, selection and page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from ncfd_site.core.formatting import format_capped_count

# The server reads an offset row by row: a narrower filter is quicker than more pages.
LAST_PAGE = 200
PAGE_SIZE = 50
# Rows are counted up to this limit, so that the cost of a count does not grow with the table.
COUNT_LIMIT = 10_000
ANY = ("", "any")
# A list with a preset shows all rows at the address with this parameter and no filter.
ALL = {"filter": "none"}
MOST_KEYS = 2

Row = TypeVar("Row")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Chip:
    """An active filter in words, and the address without it."""

    words: str
    without: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters and order of a list, each with a default. The address omits defaults.

    `parameters` maps a field to the parameter of the address where the names differ. `preset` are the filters of an
    address that has none. `unfiltered` maps a field to the value that keeps all rows, where that is not the default.
    """

    parameters: ClassVar[dict[str, str]] = {"sort": "order"}
    preset: ClassVar[dict[str, Any]] = {}
    unfiltered: ClassVar[dict[str, Any]] = {}

    @property
    def query_string(self) -> str:
        """The query of the address, "" when every field has its default."""
        default = asdict(type(self)())
        chosen = {name: value for name, value in asdict(self).items() if value != default[name] and value is not None}
        filters = {name: value for name, value in chosen.items() if name != "sort"}
        if self.preset and filters == self.preset:
            chosen = {name: value for name, value in chosen.items() if name not in filters}
        elif self.preset and not filters:
            chosen = {**ALL, **chosen}
        pairs = {self.parameters.get(name, name): value for name, value in chosen.items()}
        return urlencode(pairs, doseq=True, safe=",")

    @property
    def is_default(self) -> bool:
        """True if the address has neither filter nor order."""
        return not self.query_string

    @property
    def keys(self) -> list[str]:
        """The sort keys, the first one first; "-" in front reverses a key."""
        return str(getattr(self, "sort", "")).split(",")

    @property
    def chips(self) -> list[Chip]:
        """The active filters, one for each value."""
        default = type(self)()
        found = []
        for name, value in asdict(self).items():
            nothing = self.unfiltered.get(name, getattr(default, name))
            if name == "sort" or value in (nothing, None, ""):
                continue
            for one in value if isinstance(value, tuple) else (value,):
                rest = tuple(other for other in value if other != one) if isinstance(value, tuple) else nothing
                found.append(Chip(self.describe(name, one), f"?{replace(self, **{name: rest}).query_string}"))
        return found

    @property
    def words(self) -> str:
        """The active filters in one line."""
        return "; ".join(chip.words for chip in self.chips) or "no filter"

    @property
    def all_rows(self) -> str:
        """The query of the address without filters, in the same order."""
        kept = {"sort": self.sort} if hasattr(self, "sort") else {}
        return f"?{type(self)(**self.unfiltered, **kept).query_string}"

    def describe(self, name: str, value: Any) -> str:
        """Return a filter in words."""
        return f"{self.parameters.get(name, name).replace('_', ' ')}: {value}"


Chosen = TypeVar("Chosen", bound=Selection)


def make_search_field(label: str, size: int = 24) -> forms.CharField:
    """Return the field that the key f moves to."""
    widget = forms.TextInput(attrs={"type": "search", "data-key": "f", "size": size})
    return forms.CharField(label=label, required=False, max_length=100, widget=widget)


def _read_list(data: Any, name: str) -> list[str]:
    given = data.getlist(name) if hasattr(data, "getlist") else [data[name]] if name in data else []
    return [value for value in given if value]


class _ChoicesWidget(forms.SelectMultiple):
    """Checkboxes behind a button that shows what is chosen. Templates of Django would take ten times as long."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return _read_list(data, name)

    def id_for_label(self, id_: str, index: Any = None) -> str:
        return ""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = [str(one) for one in value or ()]
        labels = [str(label) for key, label in self.choices if str(key) in chosen]
        shown = "any" if not labels else labels[0] if len(labels) == 1 else f"{len(labels)} chosen"
        boxes = format_html_join(
            "",
            '<label><input type="checkbox" name="{}" value="{}"{}> {}</label>',
            ((name, key, SafeString(" checked") if str(key) in chosen else "", label) for key, label in self.choices),
        )
        title = self.attrs["title"]
        return format_html(
            '<details class="choices"><summary aria-label="{}: {}">{}</summary>'
            '<div role="group" aria-label="{}">{}</div></details>',
            title, shown, shown, title, boxes,
        )  # fmt: skip


class ChoicesField(forms.MultipleChoiceField):
    """Any number of choices, as a repeated parameter; cleans to a tuple.

    With `is_open`, values that are not offered are taken too: they match nothing.
    """

    def __init__(self, *, label: str, choices: Iterable[tuple[Any, Any]], is_open: bool = False) -> None:
        self.is_open = is_open
        super().__init__(label=label, required=False, choices=choices, widget=_ChoicesWidget(attrs={"title": label}))

    def clean(self, value: Any) -> tuple[str, ...]:
        if self.is_open and any("\x00" in one or len(one) > 60 for one in value):
            raise ValidationError("This is no value of the list.")
        return tuple(dict.fromkeys(super().clean(value)))

    def valid_value(self, value: Any) -> bool:
        return self.is_open or super().valid_value(value)


class _OrderWidget(forms.Select):
    """One select box for each sort key. The address has both in one parameter: `order=a,-b`."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str:
        return ",".join(_read_list(data, name) or _read_list(data, "sort"))

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        keys = [*str(value or "").split(","), ""]
        boxes = []
        for number, about in enumerate(("", ' aria-label="Then by"')[: self.attrs["most"]]):
            choices = list(self.choices) if number == 0 else [("", "then by …"), *self.choices]
            options = format_html_join(
                "", '<option value="{}"{}>{}</option>',
                ((key, SafeString(" selected") if key == keys[number] else "", label) for key, label in choices),
            )  # fmt: skip
            place = f' id="id_{name}"' if number == 0 else ""
            boxes.append(
                format_html('<select name="{}"{}{}>{}</select>', name, SafeString(place), SafeString(about), options)
            )
        return mark_safe(" ".join(boxes))  # noqa: S308 (escaped above)


class OrderField(forms.CharField):
    """Up to `most` sort keys, separated by commas, the first one first; "-" in front of a key reverses it."""

    def __init__(self, sorts: Mapping[str, str], most: int = MOST_KEYS) -> None:
        self.sorts, self.most = sorts, most
        widget = _OrderWidget(attrs={"most": most}, choices=list(sorts.items()))
        super().__init__(label="Order", required=False, max_length=200, widget=widget)

    def clean(self, value: Any) -> str:
        """Return the sort keys, of two for one column the first; raises ValidationError for unknown or too many."""
        keys = [key for key in str(super().clean(value)).split(",") if key]
        for key in keys:
            if key not in self.sorts:
                raise ValidationError(f"Cannot sort by {key[:30]}. Choose one of {', '.join(self.sorts)}.")
        if len(keys) > self.most:
            raise ValidationError(f"Cannot sort by more than {self.most} columns. Leave out {keys[self.most]}.")
        if len({key.lstrip("-") for key in keys}) < len(keys):
            # Both boxes of the form can name one column.
            keys = keys[:1]
        return ",".join(keys)


class _ColumnsField(forms.CharField):
    """Names of columns in their order: `columns=a,b`, or a repeated parameter; cleans to a tuple."""

    widget = forms.MultipleHiddenInput

    def __init__(self, names: Iterable[str]) -> None:
        self.names = set(names)
        super().__init__(label="Columns", required=False)

    def clean(self, value: Any) -> tuple[str, ...]:
        chosen = tuple(dict.fromkeys(name for part in value or () for name in part.split(",") if name))
        for name in chosen:
            if name not in self.names:
                raise ValidationError(f"There is no column {name[:30]}. Choose from {', '.join(sorted(self.names))}.")
        return chosen


class ListForm(forms.Form, Generic[Chosen]):
    """The address of a list: filters and order of `selection_class`, columns, and a page. Every field is optional.

    `main_names` are the filters that are always visible, () for all. `columns` are the labels of all columns by name;
    the first `default_count` are shown at first, 0 for all. `preferred` are the columns that the user has chosen.
    """

    selection_class: ClassVar[type[Selection]] = Selection
    main_names: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[dict[str, str]] = {}
    default_count: ClassVar[int] = 0

    page = forms.IntegerField(required=False, min_value=1, max_value=LAST_PAGE, widget=forms.HiddenInput)

    def __init__(self, *args: Any, preferred: Sequence[str] = (), **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.preferred = tuple(name for name in preferred if name in self.columns)
        if self.columns:
            self.fields["columns"] = _ColumnsField(self.columns)

    def full_clean(self) -> None:
        """Check the address; one without filters has those of the preset."""
        preset, names = self.selection_class.preset, self.selection_class.parameters
        filters = {names.get(field.name, field.name) for field in fields(self.selection_class)} - {"order"}
        if preset and isinstance(self.data, QueryDict) and not ({*filters, *ALL} & {*self.data}):
            data = self.data.copy()
            for name, value in preset.items():
                data.setlist(names.get(name, name), list(value) if isinstance(value, tuple) else [value])
            self.data = data
        super().full_clean()

    @property
    def main_fields(self) -> list[forms.BoundField]:
        """The fields that are always visible."""
        return [self[name] for name in self.main_names] or self.visible_fields()

    @property
    def more_fields(self) -> list[forms.BoundField]:
        """The fields that are visible on request, or if one has an error."""
        return (
            [field for field in self.visible_fields() if field.name not in self.main_names] if self.main_names else []
        )

    @property
    def has_more_errors(self) -> bool:
        """True if a field that is visible on request has an error."""
        return any(field.errors for field in self.more_fields)

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

    @property
    def default_columns(self) -> tuple[str, ...]:
        """The columns of a list whose user has chosen none."""
        return (*self.columns,)[: self.default_count or None]

    def get_columns(self) -> tuple[str, ...]:
        """Return the columns of the address, else those that the user prefers, else the default."""
        given = self.cleaned_data.get("columns", ()) if self.is_valid() else ()
        return given or self.preferred or self.default_columns

    @property
    def column_choices(self) -> list[tuple[str, str, bool]]:
        """Each column, shown ones first in their order: its name, its label and whether it is shown."""
        shown = self.get_columns()
        return [
            *((name, self.columns[name], True) for name in shown),
            *((name, label, False) for name, label in self.columns.items() if name not in shown),
        ]

    @property
    def file_query(self) -> str:
        """The query of the file that has the rows and columns of the list."""
        given = {"columns": ",".join(self.get_columns())} if self.columns else {}
        parts = (self.get_selection().query_string, urlencode(given, safe=","))
        return f"?{'&'.join(filter(None, parts))}"

    def get_page_number(self) -> int:
        """Return the page number of a valid form, from 1."""
        return self.cleaned_data["page"] or 1


@dataclass(frozen=True, slots=True)
class ListPage(Generic[Row]):
    """One page of a list; `total` is the count of its rows up to one more than `COUNT_LIMIT`, None if not counted."""

    rows: Sequence[Row]
    number: int
    has_next: bool
    size: int
    total: int | None = None

    def with_rows(self, rows: Sequence[Item]) -> "ListPage[Item]":
        """Return the same page with what is shown for its rows."""
        return ListPage(rows, self.number, self.has_next, self.size, self.total)

    @property
    def total_text(self) -> str:
        """The count of rows: "more than 10,000" above the limit."""
        return "" if self.total is None else format_capped_count(self.total, COUNT_LIMIT)

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


def make_page(rows: Sequence[Row], number: int, size: int = 0, total: int | None = None) -> ListPage[Row]:
    """Return the page of the rows that were read by its slice. The last page knows the total."""
    size, number = size or PAGE_SIZE, _clamp_page_number(number)
    if total is None and len(rows) <= size and (rows or number == 1):
        total = min((number - 1) * size + len(rows), COUNT_LIMIT + 1)
    return ListPage(rows[:size], number, len(rows) > size and number < LAST_PAGE, size, total)


def read_page(rows: QuerySet[Any, Item], number: int, size: int = 0) -> ListPage[Item]:
    """Read a page of a queryset and count its rows, in one query if the list has one page, else in two."""
    page = make_page(list(rows[get_page_slice(number, size)]), number, size)
    return page if page.total is not None else replace(page, total=count_rows(rows))


def count_rows(rows: QuerySet[Any, Any]) -> int:
    """Count the rows of a queryset, up to one more than `COUNT_LIMIT`."""
    return rows.order_by()[: COUNT_LIMIT + 1].count()


def _clamp_page_number(number: int) -> int:
    return min(max(number, 1), LAST_PAGE)
