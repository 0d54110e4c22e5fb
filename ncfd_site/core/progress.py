"""Progress of long-running work and its cancellation: the same on a terminal and in a background job."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")


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
