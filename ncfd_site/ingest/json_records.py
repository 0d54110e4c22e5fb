"""Records of a JSON file: JSON lines, an API page, an array or one object, recognized by its beginning."""

import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ncfd_site.ingest.files import BUFFER, CUT, DAMAGE, LONGEST, Advance, bare_suffix, open_files, read_lines
from ncfd_site.ingest.records import InvalidRecord, Record, RejectedRecord, SourceLocation
from ncfd_site.ingest.text import decode_utf8, require_storable

# Registry records are about ten levels deep; functions on them recurse.
MAX_DEPTH = 100
# A string (without its closing quote at the end of the buffer), or a structural character.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*("?)|[{}\[\],]', re.DOTALL)
_NAMED = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:\s*\Z', re.DOTALL)
_QUOTE = ord('"')
_CHUNK = 1 << 18
# The level between the end of the array of records and the end of its document.
_PAST = -1
# Bytes before the array that are kept for the reader.
_PRELUDE = 1 << 16


def parse_json(raw: bytes) -> Any:
    """Return the value of JSON text.

    Raises `InvalidRecord` for invalid UTF-8 or JSON, NaN, infinity, NUL, lone surrogates and excessive nesting.
    """
    text = decode_utf8(raw)
    try:
        value = json.loads(text, parse_constant=_reject_constant, parse_float=_parse_finite_float)
    except json.JSONDecodeError as error:
        raise InvalidRecord(f"not JSON: {error.msg} at position {error.pos + 1}") from None
    except RecursionError:
        raise InvalidRecord("unusable JSON: nested too deeply") from None
    except InvalidRecord:
        raise
    except ValueError:
        # Python refuses integers of more than 4,300 digits.
        raise InvalidRecord("unusable JSON: a number has too many digits") from None
    _require_shallow_nesting(value)
    if "\\u" in text or "\x00" in text:
        require_storable(value)
    return value


def _require_shallow_nesting(value: Any) -> None:
    level, depth = [value] if isinstance(value, dict | list) else [], 0
    while level:
        if depth > MAX_DEPTH:
            raise InvalidRecord("unusable JSON: nested too deeply")
        depth += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]


def canonical_json(value: Any) -> str:
    """Return the canonical JSON of a value: sorted keys, no spaces, UTF-8 characters unescaped."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def hash_json(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _reject_constant(name: str) -> NoReturn:
    raise InvalidRecord(f"not JSON: {name} is not a number")


def _parse_finite_float(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise InvalidRecord(f"unusable JSON: the number {digits[:40]} is too large")
    return number


LINE_SUFFIXES = (".jsonl", ".ndjson")
SUFFIXES = (*LINE_SUFFIXES, ".json", ".zip")

Records = Iterator[Record[Any] | RejectedRecord]


def read_json_records(path: Path, key: str, advance: Advance | None = None) -> Records:
    """Yield every record of the file; `key` names the array of records in an API page, such as "studies".

    The files of a zip archive are read one after the other.
    """
    for name, stream in open_files(path, SUFFIXES, advance):
        yield from _expand_pages(_read_stream(name, stream, key), key)


def _read_stream(name: str, stream: io.BufferedReader, key: str) -> Records:
    if bare_suffix(Path(name)) in LINE_SUFFIXES or _is_json_lines(stream, key):
        yield from _read_json_lines(name, stream)
    else:
        for piece in JsonPieces(stream, key):
            place = SourceLocation(name, piece.line, piece.number)
            yield RejectedRecord(place, piece.error) if piece.error else _parse_record(place, piece.text)


def _expand_pages(records: Records, key: str) -> Records:
    """Yield the records, and in place of a whole page those inside: pages can be lines, or items of an array."""
    for record in records:
        if isinstance(record, Record) and isinstance(record.value, dict) and isinstance(record.value.get(key), list):
            inner = record.value[key]
            for number, value in enumerate(inner, 1):
                place = SourceLocation(record.place.file, record.place.line, number)
                yield Record(place, value, record.size // len(inner))
        else:
            yield record


def _is_json_lines(stream: io.BufferedReader, key: str) -> bool:
    try:
        beginning = stream.peek(BUFFER)
    except DAMAGE:
        # The next read meets the damage again and reports it.
        return True
    first, end, more = beginning.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")
    if not end or not more.strip() or not first.startswith(b"{"):
        return False
    try:
        value = parse_json(first)
    except InvalidRecord:
        return False
    return isinstance(value, dict) and key not in value


def _read_json_lines(name: str, stream: io.BufferedReader) -> Records:
    for line in read_lines(stream):
        place = SourceLocation(name, line.number)
        text = line.text.removeprefix(b"\xef\xbb\xbf") if line.number == 1 else line.text
        if line.error:
            yield RejectedRecord(place, line.error)
        elif text.strip():
            yield _parse_record(place, text)


def _parse_record(place: SourceLocation, text: bytes) -> Record[Any] | RejectedRecord:
    try:
        return Record(place, parse_json(text), len(text))
    except InvalidRecord as invalid:
        return RejectedRecord(place, str(invalid))


@dataclass(frozen=True, slots=True)
class JsonPiece:
    """The text of one record, the line where it begins (from 1), its number in its array; `trouble` if none."""

    line: int
    number: int
    text: bytes
    error: str = ""


class JsonPieces:
    """Iterates over the items of a top-level array, of the array under `key`, or over whole objects."""

    def __init__(self, stream: io.BufferedReader, key: str, longest: int = LONGEST) -> None:
        self.prelude = b""
        self._stream = stream
        self._key = key.encode()
        self._longest = longest
        self._buffer = bytearray()
        # Offset of the current record, or of text outside any record.
        self._start = 0
        # Open brackets, and the depth of the records: 0 until their array is found.
        self._depth = 0
        self._level = 0
        self._number = 0
        # The line number at one offset, so that each line end is counted once.
        self._mark = 0
        self._line = 1

    def __iter__(self) -> Iterator[JsonPiece]:
        try:
            for token, begin, end in self._iter_structural_tokens():
                if self._level == _PAST:
                    self._start = end
                if token in b"],":
                    yield from self._end_item(token, begin, end)
                if token in b"{[":
                    yield from self._open_container(token, begin, end)
                elif token in b"}]":
                    yield from self._close_container(end)
        except InvalidRecord as invalid:
            yield JsonPiece(self._find_line(self._start), self._number + 1, b"", str(invalid))
            return
        if self._depth > 0:
            line = self._find_line(self._start)
            yield JsonPiece(line, self._number + 1, b"", "not JSON: the file ends inside the record")
        else:
            yield from self._report_stray_text(len(self._buffer))

    def _iter_structural_tokens(self) -> Iterator[tuple[bytes, int, int]]:
        position, chunk = 0, _CHUNK
        while True:
            match = _TOKEN.search(self._buffer, position)
            if match and (match[1] or self._buffer[match.start()] != _QUOTE):
                position, chunk = match.end(), _CHUNK
                if self._buffer[match.start()] != _QUOTE:
                    yield bytes(self._buffer[match.start() : position]), match.start(), position
                continue
            # The buffer ends between tokens or inside a string: read more, in growing chunks inside a string.
            position = match.start() if match else len(self._buffer)
            if len(self._buffer) - self._start > self._longest:
                raise InvalidRecord(
                    f"the record is longer than {self._longest:,} bytes; the rest of the file is skipped"
                )
            position -= self._discard_consumed_bytes()
            try:
                more = self._stream.read1(chunk)
            except DAMAGE:
                raise InvalidRecord(CUT) from None
            if not more:
                return
            chunk = min(chunk * 2, 1 << 24) if match else _CHUNK
            self._buffer += more

    def _end_item(self, token: bytes, begin: int, end: int) -> Iterator[JsonPiece]:
        # An item ends at a comma or at the end of its array.
        if self._depth == self._level > 0:
            empty_array = token == b"]" and not self._number and not bytes(self._buffer[self._start : begin]).strip()
            if not empty_array:
                yield self._take_piece(begin)
            self._start = end

    def _open_container(self, token: bytes, begin: int, end: int) -> Iterator[JsonPiece]:
        if not self._depth:
            yield from self._report_stray_text(begin)
            self._start = begin
        self._depth += 1
        if not self._level and token == b"[" and self._is_records_array(begin):
            self._level, self._number = self._depth, 0
            self.prelude = bytes(self._buffer[self._start : begin][:_PRELUDE])
            self._start = end

    def _close_container(self, end: int) -> Iterator[JsonPiece]:
        self._depth -= 1
        if self._depth < self._level:
            self._level, self._start = _PAST, end
        if self._depth <= 0:
            if not self._level:
                yield self._take_piece(end)
            self._depth, self._level, self._start = 0, 0, end

    def _is_records_array(self, begin: int) -> bool:
        if self._depth != 2:
            return self._depth == 1
        # The name before this array; the expected name is short.
        named = _NAMED.search(bytes(self._buffer[max(self._start, begin - 4096) : begin]))
        return named is not None and named[1] == self._key

    def _take_piece(self, end: int) -> JsonPiece:
        text = bytes(self._buffer[self._start : end])
        self._number += 1
        lead = len(text) - len(text.lstrip())
        return JsonPiece(self._find_line(self._start + lead), self._number, text.strip())

    def _report_stray_text(self, end: int) -> Iterator[JsonPiece]:
        if bytes(self._buffer[self._start : end]).strip(b" \t\r\n,\xef\xbb\xbf"):
            yield JsonPiece(self._find_line(self._start), self._number + 1, b"", "not JSON: text outside a record")

    def _find_line(self, offset: int) -> int:
        self._line += self._buffer.count(b"\n", self._mark, offset)
        self._mark = max(self._mark, offset)
        return self._line

    def _discard_consumed_bytes(self) -> int:
        count = self._start
        self._find_line(count)
        self._mark -= count
        del self._buffer[:count]
        self._start = 0
        return count
