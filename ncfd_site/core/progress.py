"""What long work tells while it runs, and how it is stopped: the same on a terminal and as a job."""

from collections.abc import Mapping
from typing import Any, Protocol


class Cancelled(Exception):
    """Somebody asked for the end; what was done until here stays, and the work can be taken up again."""


class ProgressReporter(Protocol):
    """Handed to long work by whoever runs it.

    `checkpoint` says where an earlier run of the same work stopped, in the work's own words; empty for a new one.
    `actor` is who wants it: a username, or the database user on a terminal.
    """

    checkpoint: Mapping[str, Any]
    actor: str

    def begin(self, step: str, total: int | None, unit: str) -> None:
        """A step begins: what it is, in words; how many units it has, None where unknown; the unit in the plural."""

    def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None) -> None:
        """So many units more are done, and `checkpoint` is where to go on; called where the work may be stopped.

        Raises `Cancelled` where somebody asked for the end. The checkpoint is kept all the same.
        """


class NullReporter:
    """Shows nothing and is never stopped."""

    def __init__(self, actor: str, checkpoint: Mapping[str, Any] | None = None) -> None:
        self.actor = actor
        self.checkpoint: Mapping[str, Any] = checkpoint or {}

    def begin(self, step: str, total: int | None, unit: str) -> None:
        """Nothing to do."""

    def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None) -> None:
        """Keep the checkpoint."""
        if checkpoint is not None:
            self.checkpoint = checkpoint
