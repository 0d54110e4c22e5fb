"""The records of a file: valid, or rejected with a reason."""

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from ncfd_site.config.errors import ExitCode, UserError

Raw = TypeVar("Raw")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """The file, line (from 1) and, when records share a line, number (from 1) of a record."""

    file: str
    line: int
    record: int | None = None

    def __str__(self) -> str:
        location = f"{self.file}, line {self.line}"
        return location if self.record is None else f"{location}, record {self.record}"


@dataclass(frozen=True, slots=True)
class Record(Generic[Value]):
    """A valid record; `size` is the number of bytes of its text."""

    place: SourceLocation
    value: Value
    size: int = 0


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A rejected record, with the reason for the user, its text if known, and whether its file ends inside it."""

    place: SourceLocation
    reason: str
    text: str = ""
    is_cut: bool = False


class InvalidRecord(ValueError):
    """A record is invalid; the text is the reason for the user."""


def parse_records(
    records: Iterable[Record[Raw] | RejectedRecord], parse: Callable[[Raw], Value]
) -> Iterator[Record[Value] | RejectedRecord]:
    """Yield each record with its value parsed, or rejected if `parse` raises InvalidRecord."""
    for record in records:
        if isinstance(record, RejectedRecord):
            yield record
            continue
        try:
            yield Record(record.place, parse(record.value), record.size)
        except InvalidRecord as error:
            yield RejectedRecord(record.place, str(error))


class InputError(UserError):
    """Nothing can be loaded as requested: a missing file, another format, an unsafe request."""

    exit_code = ExitCode.USAGE


# Rejected records that are printed; `--rejected FILE` has all of them.
PRINTED = 20


class _Writer(Protocol):
    def writerow(self, row: tuple[str, int, int | str, str], /) -> object: ...


class Rejections:
    """Counts rejected records, keeps the first few, and writes all of them to a writer if given."""

    def __init__(self, writer: _Writer | None = None) -> None:
        self.count = 0
        self.first: list[RejectedRecord] = []
        self._writer = writer

    def add(self, rejected: RejectedRecord) -> None:
        """Add a rejected record."""
        self.count += 1
        if len(self.first) < PRINTED:
            self.first.append(rejected)
        if self._writer:
            place = rejected.place
            self._writer.writerow((place.file, place.line, place.record or "", rejected.reason))

    def lines(self) -> Iterator[str]:
        """Yield a line for each of the first records, and one with the count of the others."""
        for rejected in self.first:
            yield f"rejected: {rejected.place}: {rejected.reason}"
        if self.count > len(self.first):
            yield f"rejected: {self.count - len(self.first):,} more; --rejected FILE writes all of them to a file"


@contextmanager
def write_rejections(path: Path | None) -> Iterator[Rejections]:
    """Yield rejections that are also written to `path`, if given, as CSV (file, line, record, reason)."""
    if path is None:
        yield Rejections()
        return
    try:
        file = path.open("w", newline="", encoding="utf-8")
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror or error}.") from None
    with file:
        writer = csv.writer(file)
        writer.writerow(("file", "line", "record", "reason"))
        yield Rejections(writer)
