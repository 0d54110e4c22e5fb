"""Trying again what met a locked table: others wait behind a statement that waits, so that none waits for long."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

Result = TypeVar("Result")

# Seconds for which a thing that meets a locked table is tried again.
PATIENCE = 120.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0

LOCK_NOT_AVAILABLE, _DEADLOCK = "55P03", "40P01"


class LockRetry:
    """When to give up, and the pauses until then: they double, with jitter, so that two do not meet again and again.

    Patience is counted from the first obstacle on: what was done before it may have taken long.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._deadline: float | None = None
        self._pause = _FIRST_PAUSE

    def is_worth_a_wait(self, sqlstate: str | None) -> bool:
        """Whether a failure was for a lock, and there is time left."""
        if sqlstate not in (LOCK_NOT_AVAILABLE, _DEADLOCK):
            return False
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + self._patience
        return now < self._deadline

    def next_pause(self) -> float:
        """Seconds to wait before the next attempt."""
        pause = self._pause * random.uniform(0.5, 1.5)  # noqa: S311
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        return pause


def retry_while_locked(attempt: Callable[[], Result], patience: float = PATIENCE) -> Result:
    """Run `attempt`, and again while others lock a table that it needs. Raises what the last attempt raised."""
    locked = LockRetry(patience)
    while True:
        try:
            return attempt()
        except psycopg.Error as error:
            if not locked.is_worth_a_wait(error.sqlstate):
                raise
            time.sleep(locked.next_pause())
