"""The forms of a file: each turns rows into text, some kilobytes at a time."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.types.range import Range

# A spreadsheet takes a text that begins so for a formula, and would run it.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def plain(value: Any) -> Any:
    """Return a value as JSON has it: moments in ISO 8601 with their zone, numbers as numbers, ranges as text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float | Decimal):
        return _number(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, Range):
        return _range(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"There is no form of {type(value).__name__} in a file.")


def cell(value: Any) -> str:
    """Return a value as a cell of CSV: nothing for NULL, JSON for what has parts, and no text that is a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return f"{value:f}" if isinstance(value, Decimal) and value.is_finite() else str(value)
    if isinstance(value, Mapping | list | tuple):
        return as_json(value)
    text = str(plain(value))
    return f"'{text}" if text.startswith(DANGEROUS) else text


def as_json(value: Any) -> str:
    """Return a value as one line of JSON."""
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _number(value: float | Decimal) -> Any:
    if not math.isfinite(value):
        return str(value)
    if isinstance(value, float):
        return value
    if value == value.to_integral_value():
        return int(value)
    # A number that binary floating point would change stays exact as text.
    return float(value) if Decimal(repr(float(value))) == value else str(value)


def _range(value: Range[Any]) -> str:
    if value.isempty:
        return "empty"
    ends = ["" if end is None else str(plain(end)) for end in (value.lower, value.upper)]
    return f"{value.bounds[0]}{ends[0]},{ends[1]}{value.bounds[1]}"


# Characters that are handed on at once.
CHUNK = 64 * 1024

Rows = Iterable[Sequence[Any]]
Write = Callable[[Sequence[str], Rows], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Format:
    """One form of a file."""

    name: str
    words: str
    content_type: str
    write: Write


def _csv(columns: Sequence[str], rows: Rows) -> Iterator[str]:
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(value) for value in row])
        yield _emptied(sink)
    yield _emptied(sink)


def _json(columns: Sequence[str], rows: Rows) -> Iterator[str]:
    before = "[\n"
    for line in _objects(columns, rows):
        yield f"{before}{line}"
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _jsonl(columns: Sequence[str], rows: Rows) -> Iterator[str]:
    for line in _objects(columns, rows):
        yield f"{line}\n"


def _objects(columns: Sequence[str], rows: Rows) -> Iterator[str]:
    for row in rows:
        yield as_json(dict(zip(columns, row, strict=True)))


def _emptied(sink: io.StringIO) -> str:
    text = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return text


FORMATS = {
    one.name: one
    for one in (
        Format("csv", "CSV", "text/csv; charset=utf-8", _csv),
        Format("json", "JSON", "application/json", _json),
        Format("jsonl", "JSON lines", "application/jsonl", _jsonl),
    )
}


def chunks(form: Format, columns: Sequence[str], rows: Rows) -> Iterator[bytes]:
    """Return the file in pieces of about `CHUNK` characters."""
    held: list[str] = []
    size = 0
    for text in form.write(columns, rows):
        held.append(text)
        size += len(text)
        if size >= CHUNK:
            yield "".join(held).encode()
            held, size = [], 0
    yield "".join(held).encode()
