"""The span of time that precision is counted over: closed on both ends, by when a link was made."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# In an address, the plus sign before an offset reads as a blank.
LOST_PLUS = re.compile(r"(?<=\d) (?=\d{2}:?\d{2}$)")


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to `end`, both of them inside; None leaves that side open."""

    start: datetime | None = None
    end: datetime | None = None
    # As they stand in the address.
    query_string: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it is all time."""
        return self.start is None and self.end is None

    @property
    def words(self) -> str:
        """Which links are counted, to go on after "counted over"."""
        if self.is_open:
            return "all links of the heuristic"
        ends = [f"from {_told(self.start)}" if self.start else "", f"to {_told(self.end)}" if self.end else ""]
        return f"the links made {' '.join(filter(None, ends))}, both ends included"


class WindowForm(forms.Form):
    """The two ends, as the address of a page carries them; either may be left out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        # `from` is no name in Python, so the fields are made here.
        for name, words in (("from", "Links made from"), ("to", "to (included)")):
            widget = forms.TextInput(attrs={"size": 22, "placeholder": "2026-01-31"})
            self.fields[name] = forms.CharField(label=words, required=False, max_length=40, widget=widget)

    def clean(self) -> dict[str, Any]:
        """Read both, and refuse a window that ends before it begins."""
        given = super().clean() or {}
        read: dict[str, datetime | None] = {}
        for name in ("from", "to"):
            try:
                read[name] = _moment(given.get(name, ""), time.min if name == "from" else time.max)
            except ValueError:
                self.add_error(name, ValidationError("Write a day as 2026-01-31, or a moment as 2026-01-31T12:00Z."))
        if read.get("from") and read.get("to") and read["from"] > read["to"]:  # type: ignore[operator]
            self.add_error("to", ValidationError("The window ends before it begins."))
        return {**given, "window": (read.get("from"), read.get("to"))}

    def window(self) -> Window:
        """Return the window. Only on a valid form."""
        chosen = {name: self.cleaned_data[name] for name in ("from", "to") if self.cleaned_data[name]}
        start, end = self.cleaned_data["window"]
        return Window(start, end, urlencode(chosen))


def _moment(text: str, of_day: time) -> datetime | None:
    """A day of UTC at its first or last microsecond, or a moment; one that names no zone is in UTC."""
    if not text:
        return None
    if DAY.fullmatch(text):
        return datetime.combine(date.fromisoformat(text), of_day, UTC)
    moment = parse_datetime(LOST_PLUS.sub("+", text))
    if moment is None:
        raise ValueError(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _told(moment: datetime) -> str:
    return moment.isoformat(sep=" ")
