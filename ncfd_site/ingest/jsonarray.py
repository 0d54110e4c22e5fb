"""Find the records of a JSON document without reading it whole: the items of one array, or whole objects in a row."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ncfd_site.ingest.lines import CUT, DAMAGE, LONGEST
from ncfd_site.ingest.records import InvalidRecord

# A string (without its closing quote where the buffer ends inside it), or a character that shapes the document.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*("?)|[{}\[\],]', re.DOTALL)
_NAMED = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:\s*\Z', re.DOTALL)
_QUOTE = ord('"')
_CHUNK = 1 << 18
# The level after the array of records has ended, until its document ends.
_PAST = -1
# What stands in a document before its array is kept for the reader, up to this many bytes.
_PRELUDE = 1 << 16


@dataclass(frozen=True, slots=True)
class Piece:
    """The text of one record, the line where it begins (from 1), its number in its array; `trouble` if none."""

    line: int
    number: int
    text: bytes
    trouble: str = ""


class JsonPieces:
    """The records of a document: items of a top-level array, or of the array under `key`, or whole objects."""

    def __init__(self, stream: io.BufferedReader, key: str, longest: int = LONGEST) -> None:
        self.prelude = b""
        self._stream = stream
        self._key = key.encode()
        self._longest = longest
        self._buffer = bytearray()
        # Where in the buffer the current record (or what is outside of any) begins.
        self._start = 0
        # How many brackets are open, and at how many the records lie: 0 while their array is not found.
        self._depth = 0
        self._level = 0
        self._number = 0
        # The line at one place of the buffer, so that no line end is counted twice.
        self._mark = 0
        self._line = 1

    def __iter__(self) -> Iterator[Piece]:
        try:
            for token, begin, end in self._tokens():
                if self._level == _PAST:
                    self._start = end
                if token in b"],":
                    yield from self._item_end(token, begin, end)
                if token in b"{[":
                    yield from self._open(token, begin, end)
                elif token in b"}]":
                    yield from self._close(end)
        except InvalidRecord as unfit:
            yield Piece(self._line_at(self._start), self._number + 1, b"", str(unfit))
            return
        if self._depth > 0:
            yield Piece(self._line_at(self._start), self._number + 1, b"", "not JSON: the file ends inside the record")
        else:
            yield from self._stray(len(self._buffer))

    def _tokens(self) -> Iterator[tuple[bytes, int, int]]:
        position, chunk = 0, _CHUNK
        while True:
            match = _TOKEN.search(self._buffer, position)
            if match and (match[1] or self._buffer[match.start()] != _QUOTE):
                position, chunk = match.end(), _CHUNK
                if self._buffer[match.start()] != _QUOTE:
                    yield bytes(self._buffer[match.start() : position]), match.start(), position
                continue
            # The buffer ends between tokens, or inside a string: get more, ever more while one string goes on.
            position = match.start() if match else len(self._buffer)
            if len(self._buffer) - self._start > self._longest:
                raise InvalidRecord(
                    f"the record is longer than {self._longest:,} bytes, nothing after this could be read"
                )
            position -= self._forget()
            try:
                more = self._stream.read1(chunk)
            except DAMAGE:
                raise InvalidRecord(CUT) from None
            if not more:
                return
            chunk = min(chunk * 2, 1 << 24) if match else _CHUNK
            self._buffer += more

    def _item_end(self, token: bytes, begin: int, end: int) -> Iterator[Piece]:
        # An item ends where a comma or the end of its own array stands.
        if self._depth == self._level > 0:
            empty_array = token == b"]" and not self._number and not bytes(self._buffer[self._start : begin]).strip()
            if not empty_array:
                yield self._piece(begin)
            self._start = end

    def _open(self, token: bytes, begin: int, end: int) -> Iterator[Piece]:
        if not self._depth:
            yield from self._stray(begin)
            self._start = begin
        self._depth += 1
        if not self._level and token == b"[" and self._opens_records(begin):
            self._level, self._number = self._depth, 0
            self.prelude = bytes(self._buffer[self._start : begin][:_PRELUDE])
            self._start = end

    def _close(self, end: int) -> Iterator[Piece]:
        self._depth -= 1
        if self._depth < self._level:
            self._level, self._start = _PAST, end
        if self._depth <= 0:
            if not self._level:
                yield self._piece(end)
            self._depth, self._level, self._start = 0, 0, end

    def _opens_records(self, begin: int) -> bool:
        if self._depth == 1:
            return True
        # Looking back at the name before this array; the name looked for is short, so there is no need to look far.
        named = _NAMED.search(bytes(self._buffer[max(self._start, begin - 4096) : begin]))
        return self._depth == 2 and named is not None and named[1] == self._key

    def _piece(self, end: int) -> Piece:
        text = bytes(self._buffer[self._start : end])
        self._number += 1
        lead = len(text) - len(text.lstrip())
        return Piece(self._line_at(self._start + lead), self._number, text.strip())

    def _stray(self, end: int) -> Iterator[Piece]:
        if bytes(self._buffer[self._start : end]).strip(b" \t\r\n,\xef\xbb\xbf"):
            yield Piece(self._line_at(self._start), self._number + 1, b"", "not JSON: text outside of any record")

    def _line_at(self, offset: int) -> int:
        self._line += self._buffer.count(b"\n", self._mark, offset)
        self._mark = max(self._mark, offset)
        return self._line

    def _forget(self) -> int:
        count = self._start
        self._line_at(count)
        self._mark -= count
        del self._buffer[:count]
        self._start = 0
        return count
