"""Show how far a load is: a bar on a terminal, now and then a line elsewhere."""

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TextIO

from tqdm import tqdm

# Seconds between two lines where there is no terminal.
EVERY = 10.0


class Progress(Protocol):
    """What a loader tells while it works."""

    def read(self, count: int) -> None:
        """So many more bytes of the files have been read."""

    def loaded(self, count: int) -> None:
        """So many more records are in the database, or refused."""


class Silent:
    """Shows nothing."""

    def read(self, count: int) -> None:
        """Nothing to do."""

    def loaded(self, count: int) -> None:
        """Nothing to do."""


class Shown:
    """Shows bytes read of the files' total, records loaded, and the time that remains."""

    def __init__(self, paths: Sequence[Path], out: TextIO) -> None:
        self._total = sum(path.stat().st_size for path in paths)
        self._out = out
        self._read = self._loaded = 0
        self._begun = self._told = time.monotonic()
        self._bar: tqdm | None = None
        if out.isatty():
            self._bar = tqdm(total=self._total, unit="B", unit_scale=True, file=out, leave=False, dynamic_ncols=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def read(self, count: int) -> None:
        """Move the bar."""
        self._read += count
        if self._bar is not None:
            self._bar.update(count)

    def loaded(self, count: int) -> None:
        """Say how many records; without a terminal a line every ten seconds."""
        self._loaded += count
        if self._bar is not None:
            self._bar.set_postfix_str(f"{self._loaded:,} records", refresh=False)
        elif time.monotonic() - self._told >= EVERY:
            self._told = time.monotonic()
            self._out.write(f"{self.line()}\n")
            self._out.flush()

    def line(self) -> str:
        """The state in words: share of the bytes, records, and seconds to go."""
        share = self._read / self._total if self._total else 1.0
        passed = time.monotonic() - self._begun
        left = f", about {passed * (1 - share) / share:,.0f} s to go" if share else ""
        return f"{share:.0%} read, {self._loaded:,} records{left}"
