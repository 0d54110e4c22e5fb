"""Long work on a terminal: a bar there, now and then a line elsewhere, and an end that leaves nothing half done."""

import getpass
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from tqdm import tqdm

from ncfd_site.core.progress import Cancelled

# Seconds between two lines where there is no terminal.
EVERY = 10.0
STOPPED = 130


class TerminalReporter:
    """Shows the step, its share and the time that remains. Made by `on_terminal`."""

    def __init__(self, out: TextIO, actor: str, checkpoint: Mapping[str, Any] | None = None) -> None:
        self.actor = actor
        self.checkpoint: Mapping[str, Any] = checkpoint or {}
        self.is_stopped = False
        self._out = out
        self._step, self._unit = "", ""
        self._done, self._total = 0, 0
        self._begun = self._told = time.monotonic()
        self._bar: tqdm | None = None

    def begin(self, step: str, total: int | None, unit: str) -> None:
        """Show a new bar."""
        self.end()
        self._step, self._unit, self._done, self._total = step, unit, 0, total or 0
        self._begun = self._told = time.monotonic()
        if self._out.isatty():
            self._bar = tqdm(
                desc=step, total=total, unit=f" {unit}", file=self._out, leave=False, dynamic_ncols=True, miniters=1
            )

    def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None) -> None:
        """Move the bar; raises `Cancelled` after Ctrl-C or SIGTERM."""
        if checkpoint is not None:
            self.checkpoint = checkpoint
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        elif time.monotonic() - self._told >= EVERY:
            self._told = time.monotonic()
            self._out.write(f"{self.line()}\n")
            self._out.flush()
        if self.is_stopped:
            raise Cancelled

    def line(self) -> str:
        """The state in words: the step, how much of it, and the seconds to go."""
        if not self._total:
            return f"{self._step}: {self._done:,} {self._unit}"
        passed, share = time.monotonic() - self._begun, self._done / self._total
        left = f", about {passed * max(0, 1 - share) / share:,.0f} s to go" if share else ""
        return f"{self._step}: {self._done:,} of {self._total:,} {self._unit}{left}"

    def end(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


@contextmanager
def on_terminal(
    out: TextIO, *, actor: str = "", checkpoint: Mapping[str, Any] | None = None
) -> Iterator[TerminalReporter]:
    """Give a control that Ctrl-C or SIGTERM stops at the next safe place; a second Ctrl-C stops at once.

    `actor` is the user of the operating system unless it is given.
    """
    terminal = TerminalReporter(out, actor or getpass.getuser(), checkpoint)

    def stop(number: int, frame: Any) -> None:
        if terminal.is_stopped:
            raise KeyboardInterrupt
        terminal.is_stopped = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield terminal
    finally:
        terminal.end()
        for number, handler in before.items():
            signal.signal(number, handler)
