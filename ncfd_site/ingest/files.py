"""Files to load: plain, gzip or zip, recognized by their first bytes, with a callback for the bytes read."""

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ncfd_site.ingest.records import InputError

BUFFER = 1 << 18
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"

Advance = Callable[[int], None]


def bare_suffix(path: Path) -> str:
    """Return the suffix of the format in lower case, without `.gz`: `.jsonl` for `a.JSONL.gz`."""
    name = path.name.lower()
    return Path(name.removesuffix(".gz")).suffix


def find_files(paths: Sequence[Path], suffixes: Sequence[str]) -> list[Path]:
    """Return the paths that are files, and the files with one of the suffixes inside folders, at any depth.

    Raises `InputError` for a missing path and for a folder without such a file.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and bare_suffix(p) in suffixes)
            if not inside:
                raise InputError(f"The folder {path} holds no file with the suffix {', '.join(suffixes)}.")
            found.extend(inside)
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f"There is no file {path}.")
    return list(dict.fromkeys(found))


@contextmanager
def open_file(path: Path, advance: Advance | None = None) -> Iterator[io.BufferedReader]:
    """Yield the unpacked bytes of a file; `advance` receives the count of packed bytes at each read.

    Raises `InputError` when the file cannot be opened. A damaged gzip file raises while it is read, see `DAMAGE`.
    """
    try:
        raw = path.open("rb", buffering=0)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    with raw:
        counted: Any = io.BufferedReader(_Counted(raw, advance or (lambda count: None)), BUFFER)
        if counted.peek(2)[:2] == GZIP:
            with gzip.GzipFile(fileobj=counted, mode="rb") as packed:
                yield io.BufferedReader(_Unpacked(packed), BUFFER)
        else:
            yield counted


def open_files(
    path: Path, suffixes: Sequence[str], advance: Advance | None = None
) -> Iterator[tuple[str, io.BufferedReader]]:
    """Yield the name and the unpacked bytes of a file, or of each file with one of the suffixes in a zip archive.

    Raises `InputError` as `open_file` does, and for a damaged archive or one without such a file.
    """
    with open_file(path, advance) as stream:
        if not _starts_with(stream, ZIP):
            yield str(path), stream
            return
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [info for info in archive.infolist() if bare_suffix(Path(info.filename)) in suffixes]
            if not inside:
                raise InputError(f"The archive {path} holds no file with the suffix {', '.join(suffixes)}.")
            for info in inside:
                with archive.open(info) as packed:
                    yield f"{path}/{info.filename}", io.BufferedReader(_Unpacked(packed), BUFFER)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path} cannot be unpacked: {error}. Unpack it with another program.") from None


def _starts_with(stream: io.BufferedReader, signature: bytes) -> bool:
    try:
        return stream.peek(len(signature))[: len(signature)] == signature
    except DAMAGE:
        return False


class _Counted(io.RawIOBase):
    def __init__(self, raw: io.FileIO, advance: Advance) -> None:
        self._raw = raw
        self._advance = advance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        count = self._raw.readinto(buffer)
        self._advance(count or 0)
        return count


class _Unpacked(io.RawIOBase):
    """Returns all data before the first damage, which a reader directly on gzip would lose."""

    def __init__(self, packed: gzip.GzipFile | IO[bytes]) -> None:
        self._packed = packed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        try:
            piece = self._packed.read1(len(buffer))  # type: ignore[union-attr]
        except lzma.LZMAError as error:
            raise zipfile.BadZipFile(str(error)) from None
        except OSError as error:
            # bz2 reports damage as an OSError without a number.
            if error.errno is not None or isinstance(error, gzip.BadGzipFile):
                raise
            raise zipfile.BadZipFile(str(error)) from None
        buffer[: len(piece)] = piece
        return len(piece)


# Far above any registry record; a longer line is rejected instead of filling the memory.
LONGEST = 32 << 20
# Raised while reading a truncated or damaged gzip file.
DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)
CUT = "the compressed file is truncated or damaged here; the rest of it is skipped"


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end; `error` is the reason for a missing text, `is_cut` that the file has no such end."""

    number: int
    text: bytes
    error: str = ""
    is_cut: bool = False


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
                while (piece := stream.readline(1 << 20)) and not piece.endswith(b"\n"):
                    pass
                yield Line(number, b"", f"the line is longer than {longest:,} bytes")
                continue
        except DAMAGE:
            yield Line(number, b"", CUT, is_cut=True)
            return
        yield Line(number, text.rstrip(b"\r\n"), is_cut=not text.endswith(b"\n"))
