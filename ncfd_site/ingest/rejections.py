"""Keep account of the records that are refused: where each stands and why."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ncfd_site.ingest.records import InputError, RejectedRecord, SourceLocation

# What a person reads on a screen; `--refused FILE` has all of them.
SHOWN = 20


class _Writer(Protocol):
    def writerow(self, row: tuple[str, int, int | str, str], /) -> object: ...


class Rejections:
    """Counts every refused record, remembers the first few, and writes all of them where a file is given."""

    def __init__(self, writer: _Writer | None = None) -> None:
        self.count = 0
        self.first: list[RejectedRecord] = []
        self._writer = writer

    def refuse(self, bad: RejectedRecord) -> None:
        """Take down one refused record."""
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(bad)
        if self._writer:
            place = bad.place
            self._writer.writerow((place.file, place.line, place.record or "", bad.reason))

    def at(self, place: SourceLocation, reason: str) -> None:
        """Take down the record at `place`."""
        self.refuse(RejectedRecord(place, reason))

    def lines(self) -> Iterator[str]:
        """The first refused records, a line each, and how many more there are."""
        for bad in self.first:
            yield f"refused: {bad.place}: {bad.reason}"
        if self.count > len(self.first):
            yield f"refused: and {self.count - len(self.first):,} more; --refused FILE writes all of them to a file"


@contextmanager
def write_rejections(path: Path | None) -> Iterator[Rejections]:
    """Refusals that are also written to `path` as CSV (file, line, record, reason), where one is given."""
    if path is None:
        yield Rejections()
        return
    try:
        file = path.open("w", newline="", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from None
    with file:
        writer = csv.writer(file)
        writer.writerow(("file", "line", "record", "reason"))
        yield Rejections(writer)
