"""Physical lines of a byte stream, none longer than a limit, with what is wrong with those that cannot be read."""

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

# Far above any registry record; a line past it is refused instead of filling the memory.
LONGEST = 32 << 20
# What reading a gzip file raises where it is cut or damaged.
DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)
CUT = "the compressed file is cut or damaged here, nothing after this could be read"


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end; `trouble` says why there is no text."""

    number: int
    text: bytes
    trouble: str = ""


def lines(stream: io.BufferedReader, longest: int = LONGEST) -> Iterator[Line]:
    """Every line, blank ones too. After damage in a compressed file there are no more."""
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
