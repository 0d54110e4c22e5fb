"""The file formats of exports, and how values are written in them."""

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.types.range import Range

# A spreadsheet executes text with these beginnings as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def to_json_value(value: Any) -> Any:
    """Return a value for JSON: times in ISO 8601 with their zone, numbers as numbers, ranges as text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float | Decimal):
        return _convert_to_json_number(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): to_json_value(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_value(inner) for inner in value]
    if isinstance(value, Range):
        if value.isempty:
            return "empty"
        low, high = ("" if end is None else str(to_json_value(end)) for end in (value.lower, value.upper))
        return f"{value.bounds[0]}{low},{high}{value.bounds[1]}"
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"Exports cannot hold values of type {type(value).__name__}.")


def to_csv_cell(value: Any) -> str:
    """Return a value as a CSV cell: empty for NULL, JSON for nested values, formulas escaped."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) and value.is_finite() else str(value)
    if isinstance(value, Mapping | list | tuple):
        return dump_json_line(value)
    text = str(to_json_value(value))
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def dump_json_line(value: Any) -> str:
    """Return a value as one line of JSON."""
    return json.dumps(to_json_value(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _convert_to_json_number(value: float | Decimal) -> Any:
    if not math.isfinite(value):
        return str(value)
    if isinstance(value, float):
        return value
    if value == value.to_integral_value():
        return int(value)
    # A number that binary floating point would change is exact as text.
    return float(value) if Decimal(repr(float(value))) == value else str(value)


# Characters per chunk.
CHUNK = 64 * 1024

Rows = Iterable[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Heading:
    """The first line of a file: its list, the filter in words, the count of rows, and the time."""

    list: str
    filter: str
    count: int
    written_at: datetime

    @property
    def text(self) -> str:
        """List, filter, count of rows and time (UTC), separated by semicolons."""
        return f"{self.list}: {self.filter}; rows: {self.count}; {self.written_at:%Y-%m-%d %H:%M:%S} UTC"


Write = Callable[[Heading, Sequence[str], Rows], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Format:
    """A file format."""

    name: str
    label: str
    content_type: str
    write: Write


class _Echo:
    """A sink that returns what is written, so that `writerow` returns the row."""

    def write(self, text: str) -> str:
        return text


def _iter_csv_lines(heading: Heading, columns: Sequence[str], rows: Rows) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow([f"# {heading.text}"])
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([to_csv_cell(value) for value in row])


def _iter_json_object(heading: Heading, columns: Sequence[str], rows: Rows) -> Iterator[str]:
    yield f'{dump_json_line(asdict(heading))[:-1]},"rows":[\n'
    before = ""
    for line in _iter_json_objects(columns, rows):
        yield f"{before}{line}"
        before = ",\n"
    yield "\n]}\n"


def _iter_json_lines(heading: Heading, columns: Sequence[str], rows: Rows) -> Iterator[str]:
    yield f"{dump_json_line(asdict(heading))}\n"
    for line in _iter_json_objects(columns, rows):
        yield f"{line}\n"


def _iter_json_objects(columns: Sequence[str], rows: Rows) -> Iterator[str]:
    for row in rows:
        yield dump_json_line(dict(zip(columns, row, strict=True)))


FORMATS = {
    one.name: one
    for one in (
        Format("csv", "CSV", "text/csv; charset=utf-8", _iter_csv_lines),
        Format("json", "JSON", "application/json", _iter_json_object),
        Format("jsonl", "JSON lines", "application/jsonl", _iter_json_lines),
    )
}


def iterate_chunks(file_format: Format, heading: Heading, columns: Sequence[str], rows: Rows) -> Iterator[bytes]:
    """Yield the file in chunks of about `CHUNK` characters."""
    held: list[str] = []
    size = 0
    for text in file_format.write(heading, columns, rows):
        held.append(text)
        size += len(text)
        if size >= CHUNK:
            yield "".join(held).encode()
            held, size = [], 0
    yield "".join(held).encode()
