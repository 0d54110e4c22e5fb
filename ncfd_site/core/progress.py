"""Progress of long-running work and its cancellation, the same in a background job and on a terminal.

On a terminal, progress is a bar, elsewhere a line every ten seconds; Ctrl-C stops the work at a safe point.
"""

import getpass
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TextIO, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
# Seconds between two lines where there is no terminal.
LINE_INTERVAL = 10.0


class Canceled(Exception):
    """The work was canceled. Finished work is kept and can be resumed."""


class ProgressReporter(Protocol):
    """Receives progress from long-running work.

    `checkpoint` is where an earlier run of the same work stopped, in the work's own terms; empty for a new run.
    `actor` is who requested it: a username, or the database user on a terminal.
    """

    checkpoint: Mapping[str, Any]
    actor: str

    def begin(self, step: str, total: int | None, unit: str) -> None:
        """Start a step of `total` units (None: unknown); `unit` is a plural noun."""

    def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None, note: str = "") -> None:
        """Record `count` finished units, where to resume, and a note beside the count.

        Called at safe points only: raises `Canceled`, after it has kept the checkpoint, when the work is to stop.
        """


class NullReporter:
    """Shows nothing and never cancels."""

    def __init__(self, actor: str = "", checkpoint: Mapping[str, Any] | None = None) -> None:
        self.actor = actor
        self.checkpoint: Mapping[str, Any] = checkpoint or {}

    def begin(self, step: str, total: int | None, unit: str) -> None:
        """Do nothing."""

    def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None, note: str = "") -> None:
        """Keep the checkpoint."""
        if checkpoint is not None:
            self.checkpoint = checkpoint


def track(
    items: Iterable[Item], reporter: ProgressReporter, step: str, *, unit: str, total: int | None = None
) -> Iterator[Item]:
    """Yield the items, reporting each one as it is finished."""
    reporter.begin(step, total, unit)
    for item in items:
        yield item
        reporter.advance()


class TerminalReporter(NullReporter):
    """A `ProgressReporter` that shows the step, its share and the remaining time. Made by `terminal_reporter`."""

    def __init__(self, out: TextIO, actor: str, checkpoint: Mapping[str, Any] | None = None) -> None:
        super().__init__(actor, checkpoint)
        self.is_stopped = False
        self._out = out
        self._step, self._unit, self._note = "", "", ""
        self._done, self._total = 0, 0
        self._started = self._line_at = time.monotonic()
        self._bar: tqdm | None = None

    def begin(self, step: str, total: int | None, unit: str) -> None:
        """Show a new bar."""
        self.end()
        self._step, self._unit, self._note, self._done, self._total = step, unit, "", 0, total or 0
        self._started = self._line_at = time.monotonic()
        if self._out.isatty():
            bytes_format = {"unit": "B", "unit_scale": True} if unit == "bytes" else {"unit": f" {unit}"}
            self._bar = tqdm(
                desc=step, total=total, file=self._out, leave=False, dynamic_ncols=True, miniters=1, **bytes_format
            )

    def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None, note: str = "") -> None:
        """Move the bar; raise `Canceled` after Ctrl-C or SIGTERM."""
        super().advance(count, checkpoint=checkpoint)
        self._done += count
        self._note = note or self._note
        if self._bar is not None:
            if note:
                self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(count)
        elif time.monotonic() - self._line_at >= LINE_INTERVAL:
            self._line_at = time.monotonic()
            self._out.write(f"{self.line()}\n")
            self._out.flush()
        if self.is_stopped:
            raise Canceled

    def line(self) -> str:
        """Return the step, its count, the note and the remaining seconds as one line."""
        note = f", {self._note}" if self._note else ""
        if not self._total:
            return f"{self._step}: {self._done:,} {self._unit}{note}"
        elapsed, share = time.monotonic() - self._started, self._done / self._total
        remaining = f", about {elapsed * max(0, 1 - share) / share:,.0f} s remaining" if share else ""
        return f"{self._step}: {self._done:,} of {self._total:,} {self._unit}{note}{remaining}"

    def end(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


@contextmanager
def terminal_reporter(
    out: TextIO, *, actor: str = "", checkpoint: Mapping[str, Any] | None = None
) -> Iterator[TerminalReporter]:
    """Yield a reporter that Ctrl-C or SIGTERM stops at the next safe point; a second Ctrl-C stops at once.

    `actor` defaults to the user of the operating system.
    """
    reporter = TerminalReporter(out, actor or getpass.getuser(), checkpoint)

    def request_stop(number: int, frame: Any) -> None:
        if reporter.is_stopped:
            raise KeyboardInterrupt
        reporter.is_stopped = True

    previous = {number: signal.signal(number, request_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield reporter
    finally:
        reporter.end()
        for number, handler in previous.items():
            signal.signal(number, handler)
