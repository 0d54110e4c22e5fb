"""Rows of a CSV file as mappings from column to text, one at a time; a bad row does not spoil the ones after it."""

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from ncfd_site.ingest.files import Advance, opened
from ncfd_site.ingest.lines import Line, lines
from ncfd_site.ingest.records import InputError, InvalidRecord, Record, RejectedRecord, SourceLocation
from ncfd_site.ingest.text import decoded, require_storable

# A quoted field may go over lines; a quotation mark that is still open after this many was never closed.
MOST_LINES = 200
LONGEST = 1 << 20

Rows = Iterator[Record[dict[str, str]] | RejectedRecord]


def csv_rows(path: Path, columns: Sequence[str], advance: Advance | None = None) -> Rows:
    """Every row under the header; raises `WrongInput` where the header lacks one of `columns`."""
    with opened(path, advance) as stream:
        source = _Lines(lines(stream, LONGEST))
        header = _header(path, source, columns)
        while (line := source.next()) is not None:
            if not line.text.strip() and not line.trouble:
                continue
            place = SourceLocation(str(path), line.number)
            try:
                fields = _fields(line, source)
                _require_as_many(fields, header)
                require_storable(fields)
            except InvalidRecord as unfit:
                yield RejectedRecord(place, str(unfit))
            else:
                yield Record(place, dict(zip(header, fields, strict=True)))


def csv_header(stream: io.BufferedReader) -> list[str]:
    """The column names in the first row, or nothing where the first row cannot be read."""
    source = _Lines(lines(stream, LONGEST))
    line = source.next()
    try:
        return _fields(line, source) if line else []
    except InvalidRecord:
        return []


class _Lines:
    """The lines of a file, with a way to give some back."""

    def __init__(self, source: Iterator[Line]) -> None:
        self._source = source
        self._returned: deque[Line] = deque()

    def next(self) -> Line | None:
        if self._returned:
            return self._returned.popleft()
        return next(self._source, None)

    def give_back(self, taken: Sequence[Line]) -> None:
        self._returned.extendleft(reversed(taken))


def _header(path: Path, source: _Lines, columns: Sequence[str]) -> list[str]:
    line = source.next()
    try:
        header = [name.strip() for name in _fields(line, source)] if line else []
    except InvalidRecord as unfit:
        raise InputError(f"{path} is not CSV that can be read: line 1: {unfit}.") from None
    if missing := [column for column in columns if column not in header]:
        said = "is empty" if not header else f"has no column {', '.join(missing)} in its first line"
        raise InputError(f"{path} {said}: a header with {', '.join(columns)} is expected.")
    return header


def _require_as_many(fields: Sequence[str], header: Sequence[str]) -> None:
    if len(fields) != len(header):
        raise InvalidRecord(f"{len(fields)} fields where the header has {len(header)}")


def _fields(line: Line, source: _Lines) -> list[str]:
    if line.trouble:
        raise InvalidRecord(line.trouble)
    text = decoded(line.text.removeprefix(b"\xef\xbb\xbf") if line.number == 1 else line.text)
    more: list[Line] = []
    # A quotation mark inside a quoted field is doubled, so a whole record holds an even number of them.
    while text.count('"') % 2:
        following = source.next() if len(more) < MOST_LINES else None
        if following is None or following.trouble:
            source.give_back([*more, following] if following else more)
            raise InvalidRecord("a quotation mark is opened and never closed")
        more.append(following)
        try:
            text = f"{text}\n{decoded(following.text)}"
        except InvalidRecord:
            source.give_back(more)
            raise InvalidRecord("a quotation mark is opened and never closed") from None
    try:
        return next(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        source.give_back(more)
        raise InvalidRecord(f"not CSV: {error}") from None
