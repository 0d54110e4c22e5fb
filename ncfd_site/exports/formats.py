"""The forms of a file: each turns rows into text, some kilobytes at a time."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ncfd_site.exports.values import as_json, cell

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
