"""Forms of a heuristic's page: the window over which links are counted, and the draw of a sample."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime

from linkaudit.forms import PlainForm
from linkaudit.sampling.services import DEFAULT_SIZE, MAX_SIZE, SampleOptions, read_second_share

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# A plus sign in a query string is decoded as a space.
DECODED_PLUS = re.compile(r"(?<=\d) (?=\d{2}:?\d{2}$)")


@dataclass(frozen=True, slots=True)
class Window:
    """A span of creation times, both ends included; None leaves a side open."""

    start: datetime | None = None
    end: datetime | None = None
    query_string: str = ""

    @property
    def is_open(self) -> bool:
        """True if it covers all links."""
        return self.start is None and self.end is None

    @property
    def description(self) -> str:
        """The links in the window, as a noun phrase."""
        if self.is_open:
            return "all links of the heuristic"
        ends = [f"from {self.start.isoformat(sep=' ')}" if self.start else ""]
        ends += [f"to {self.end.isoformat(sep=' ')}" if self.end else ""]
        return f"links created {' '.join(filter(None, ends))}, both included"


class WindowForm(PlainForm):
    """The window of a page, from its query string; each end is optional."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # `from` is a keyword of Python, so the fields are added here.
        for name, label in (("from", "Created from"), ("to", "to")):
            widget = forms.TextInput(attrs={"size": 22, "placeholder": "2026-01-31"})
            self.fields[name] = forms.CharField(label=label, required=False, max_length=40, widget=widget)

    def clean(self) -> dict[str, Any]:
        """Parse both ends, and reject a window that ends before it starts."""
        values = super().clean() or {}
        parsed: dict[str, datetime | None] = {}
        for name, time_of_day in (("from", time.min), ("to", time.max)):
            try:
                parsed[name] = _parse_moment(values.get(name, ""), time_of_day)
            except ValueError:
                self.add_error(name, ValidationError("Enter a date as 2026-01-31, or a time as 2026-01-31T12:00Z."))
        start, end = parsed.get("from"), parsed.get("to")
        if start and end and start > end:
            self.add_error("to", ValidationError("The range ends before it starts."))
        return {**values, "window": (start, end)}

    def window(self) -> Window:
        """Return the window of a valid form."""
        chosen = {name: self.cleaned_data[name] for name in ("from", "to") if self.cleaned_data[name]}
        start, end = self.cleaned_data["window"]
        return Window(start, end, urlencode(chosen))


class DrawForm(PlainForm):
    """The size of a sample, and its share of second opinions."""

    size = forms.IntegerField(label="Links", min_value=1, max_value=MAX_SIZE)
    second_percent = forms.DecimalField(
        label="Second opinions (%)", min_value=0, max_value=100, max_digits=4, decimal_places=1
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "id_draw_%s")
        initial = {"size": DEFAULT_SIZE, "second_percent": f"{float(100 * read_second_share()):g}"}
        super().__init__(*args, **{"initial": initial, **kwargs})

    def options(self, heuristic: str) -> SampleOptions:
        """Return the options of a valid form."""
        share: Decimal = self.cleaned_data["second_percent"] / 100
        return SampleOptions(heuristic=heuristic, size=self.cleaned_data["size"], second_share=share)


def _parse_moment(text: str, time_of_day: time) -> datetime | None:
    """Return a time, by default in UTC, or a date at `time_of_day` UTC; None for ""."""
    if not text:
        return None
    if DAY.fullmatch(text):
        return datetime.combine(date.fromisoformat(text), time_of_day, UTC)
    moment = parse_datetime(DECODED_PLUS.sub("+", text))
    if moment is None:
        raise ValueError(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
