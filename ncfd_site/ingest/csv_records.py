"""Rows of a CSV file as mappings from column to text, streamed; an invalid row does not affect the next."""

import csv
import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ncfd_site.ingest.files import Advance, Line, open_file, read_lines
from ncfd_site.ingest.records import InputError, InvalidRecord, Record, RejectedRecord, SourceLocation
from ncfd_site.ingest.text import decode_utf8, require_storable

# A quoted field can span lines; a quotation mark that is open after this many was never closed.
MAX_LINES = 200
LONGEST = 1 << 20
SEPARATORS = ",;\t"

Rows = Iterator[Record[dict[str, str]] | RejectedRecord]


def normalize_column_name(name: str) -> str:
    """Return the name of a column without spaces at its ends, in lower case."""
    return name.strip().casefold()


def read_csv_rows(
    path: Path,
    columns: Sequence[str],
    advance: Advance | None = None,
    rename: Callable[[str], str] = normalize_column_name,
) -> Rows:
    """Yield every row below the header; raises `InputError` when the header lacks one of `columns`.

    Names of columns are renamed with `rename`. Commas, semicolons or tabs separate the fields, as in the header.
    """
    with open_file(path, advance) as stream:
        source = _Lines(read_lines(stream, LONGEST))
        header = _read_header(path, source, columns, rename)
        while (line := source.read_next()) is not None:
            if not line.text.strip() and not line.error:
                continue
            place = SourceLocation(str(path), line.number)
            try:
                fields = _read_fields(line, source)
                _require_field_count(fields, header)
                require_storable(fields)
            except InvalidRecord as invalid:
                yield RejectedRecord(place, str(invalid), line.text.decode("latin-1"), is_cut=line.is_cut)
            else:
                yield Record(place, dict(zip(header, fields, strict=True)))


def read_csv_header(stream: io.BufferedReader) -> list[str]:
    """Return the column names of the first row; none when it is invalid."""
    source = _Lines(read_lines(stream, LONGEST))
    line = source.read_header()
    try:
        return [normalize_column_name(name) for name in _read_fields(line, source)] if line else []
    except InvalidRecord:
        return []


class _Lines:
    """The lines of a file, with pushback, and the character that separates the fields."""

    def __init__(self, source: Iterator[Line]) -> None:
        self.separator = ","
        self._source = source
        self._returned: deque[Line] = deque()

    def read_next(self) -> Line | None:
        if self._returned:
            return self._returned.popleft()
        return next(self._source, None)

    def read_header(self) -> Line | None:
        """Return the first line that is not blank."""
        while (line := self.read_next()) is not None and not (line.error or line.text.strip(b"\xef\xbb\xbf \t")):
            pass
        if line is not None:
            self.separator = max(SEPARATORS, key=lambda separator: line.text.count(separator.encode()))
        return line

    def push_back(self, taken: Sequence[Line]) -> None:
        self._returned.extendleft(reversed(taken))


def _read_header(path: Path, source: _Lines, columns: Sequence[str], rename: Callable[[str], str]) -> list[str]:
    line = source.read_header()
    try:
        header = [rename(name) for name in _read_fields(line, source)] if line else []
    except InvalidRecord as invalid:
        raise InputError(f"{path} is not valid CSV. Line {line.number if line else 1}: {invalid}.") from None
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
        return next(csv.reader(io.StringIO(text), strict=True, delimiter=source.separator))
    except csv.Error as error:
        source.push_back(more)
        raise InvalidRecord(f"not CSV: {error}") from None
