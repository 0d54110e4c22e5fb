"""Physical lines of a byte stream, up to a maximum length, with the error of unreadable ones."""

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

# Far above any registry record; a longer line is rejected instead of filling the memory.
LONGEST = 32 << 20
# Raised while reading a truncated or damaged gzip file.
DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)
CUT = "the compressed file is truncated or damaged here; the rest of it is skipped"


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end; `trouble` says why there is no text."""

    number: int
    text: bytes
    error: str = ""


def read_lines(stream: io.BufferedReader, longest: int = LONGEST) -> Iterator[Line]:
    """Yield every line, blank ones included; damage in a compressed file ends the iteration."""
    number = 0
    while True:
        number += 1
        try:
            text = stream.readline(longest + 1)
            if not text:
                return
            if len(text) > longest and not text.endswith(b"\n"):
                _skip_rest(stream)
                yield Line(number, b"", f"the line is longer than {longest:,} bytes")
                continue
        except DAMAGE:
            yield Line(number, b"", CUT)
            return
        yield Line(number, text.rstrip(b"\r\n"))


def _skip_rest(stream: io.BufferedReader) -> None:
    while (piece := stream.readline(1 << 20)) and not piece.endswith(b"\n"):
        pass
