"""Open files to load: plain or gzip, told apart by their first bytes, with every byte that is read counted."""

import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ncfd_site.ingest.records import InputError

BUFFER = 1 << 18
GZIP = b"\x1f\x8b"

Advance = Callable[[int], None]


def bare_suffix(path: Path) -> str:
    """The suffix that tells the format, in lower case and without `.gz`: `.jsonl` for `a.JSONL.gz`."""
    name = path.name.lower()
    return Path(name.removesuffix(".gz")).suffix


def find(paths: Sequence[Path], suffixes: Sequence[str]) -> list[Path]:
    """The files to load: each path that is a file, and inside folders, at any depth, what has one of the suffixes.

    Raises `WrongInput` for a path that does not exist and for a folder that holds nothing of the kind.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and bare_suffix(p) in suffixes)
            if not inside:
                raise InputError(f"The folder {path} holds no file that ends in {', '.join(suffixes)}.")
            found.extend(inside)
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f"There is no file {path}.")
    return list(dict.fromkeys(found))


@contextmanager
def opened(path: Path, advance: Advance | None = None) -> Iterator[io.BufferedReader]:
    """The bytes of the file, unpacked; `advance` hears how many bytes of the file itself were read since last time.

    Raises `WrongInput` where the file cannot be opened. A damaged gzip file raises while it is read, see `DAMAGE`.
    """
    try:
        raw = path.open("rb", buffering=0)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    with raw:
        counted: Any = io.BufferedReader(_Counted(raw, advance or _ignore), BUFFER)
        if counted.peek(2)[:2] == GZIP:
            with gzip.GzipFile(fileobj=counted, mode="rb") as packed:
                yield io.BufferedReader(_Unpacked(packed), BUFFER)
        else:
            yield counted


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
    """What can be unpacked before the first damage is given, which a reader right on top of gzip would lose."""

    def __init__(self, packed: gzip.GzipFile) -> None:
        self._packed = packed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        piece = self._packed.read1(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


def _ignore(count: int) -> None:
    """Nobody wants to know."""
