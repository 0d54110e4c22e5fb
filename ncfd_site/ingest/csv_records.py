"""Rows of a CSV file as mappings from column to text, streamed; an invalid row does not affect the next."""

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from ncfd_site.ingest.files import Advance, Line, open_file, read_lines
from ncfd_site.ingest.records import InputError, InvalidRecord, Record, RejectedRecord, SourceLocation
from ncfd_site.ingest.text import decode_utf8, require_storable

# A quoted field can span lines; a quotation mark that is open after this many was never closed.
MAX_LINES = 200
LONGEST = 1 << 20

Rows = Iterator[Record[dict[str, str]] | RejectedRecord]


def read_csv_rows(path: Path, columns: Sequence[str], advance: Advance | None = None) -> Rows:
    """Yield every row below the header; raises `InputError` when the header lacks one of `columns`."""
    with open_file(path, advance) as stream:
        source = _Lines(read_lines(stream, LONGEST))
        header = _read_header(path, source, columns)
        while (line := source.read_next()) is not None:
            if not line.text.strip() and not line.error:
                continue
            place = SourceLocation(str(path), line.number)
            try:
                fields = _read_fields(line, source)
                _require_field_count(fields, header)
                require_storable(fields)
            except InvalidRecord as invalid:
                yield RejectedRecord(place, str(invalid))
            else:
                yield Record(place, dict(zip(header, fields, strict=True)))


def read_csv_header(stream: io.BufferedReader) -> list[str]:
    """Return the column names of the first row; none when it is invalid."""
    source = _Lines(read_lines(stream, LONGEST))
    line = source.read_next()
    try:
        return _read_fields(line, source) if line else []
    except InvalidRecord:
        return []


class _Lines:
    """The lines of a file, with pushback."""

    def __init__(self, source: Iterator[Line]) -> None:
        self._source = source
        self._returned: deque[Line] = deque()

    def read_next(self) -> Line | None:
        if self._returned:
            return self._returned.popleft()
        return next(self._source, None)

    def push_back(self, taken: Sequence[Line]) -> None:
        self._returned.extendleft(reversed(taken))


def _read_header(path: Path, source: _Lines, columns: Sequence[str]) -> list[str]:
    line = source.read_next()
    try:
        header = [name.strip() for name in _read_fields(line, source)] if line else []
    except InvalidRecord as invalid:
        raise InputError(f"{path} is not valid CSV. Line 1: {invalid}.") from None
    if missing := [column for column in columns if column not in header]:
        problem = "is empty" if not header else f"lacks column {', '.join(missing)} in its first line"
        raise InputError(f"{path} {problem}: a header with {', '.join(columns)} is expected.")
    return header


def _require_field_count(fields: Sequence[str], header: Sequence[str]) -> None:
    if len(fields) != len(header):
        raise InvalidRecord(f"{len(fields)} fields where the header has {len(header)}")


def _read_fields(line: Line, source: _Lines) -> list[str]:
    if line.error:
        raise InvalidRecord(line.error)
    text = decode_utf8(line.text.removeprefix(b"\xef\xbb\xbf") if line.number == 1 else line.text)
    more: list[Line] = []
    # A quotation mark inside a quoted field is doubled, so a whole record holds an even number of them.
    while text.count('"') % 2:
        following = source.read_next() if len(more) < MAX_LINES else None
        if following is None or following.error:
            source.push_back([*more, following] if following else more)
            raise InvalidRecord("a quotation mark is never closed")
        more.append(following)
        try:
            text = f"{text}\n{decode_utf8(following.text)}"
        except InvalidRecord:
            source.push_back(more)
            raise InvalidRecord("a quotation mark is never closed") from None
    try:
        return next(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        source.push_back(more)
        raise InvalidRecord(f"not CSV: {error}") from None
