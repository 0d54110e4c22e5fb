"""Retries of work on locked tables. Statements give up early, because other sessions queue behind them."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

Result = TypeVar("Result")

# Seconds for which work on a locked table is retried.
PATIENCE = 120.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0

LOCK_NOT_AVAILABLE, _DEADLOCK = "55P03", "40P01"
LOCKED = (LOCK_NOT_AVAILABLE, _DEADLOCK)


class LockRetry:
    """Pauses and time limit of retries. Pauses double, with jitter.

    The limit counts from the first locked table, not from the start of the work.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._deadline: float | None = None
        self._pause = _FIRST_PAUSE

    def can_retry(self, sqlstate: str | None) -> bool:
        """Return True if the error is about a lock and time is left."""
        if sqlstate not in LOCKED:
            return False
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + self._patience
        return now < self._deadline

    def next_pause(self) -> float:
        """Return the seconds to wait before the next attempt."""
        pause = self._pause * random.uniform(0.5, 1.5)  # noqa: S311
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        return pause


def retry_while_locked(attempt: Callable[[], Result], patience: float = PATIENCE) -> Result:
    """Run `attempt` until no table that it needs is locked. Raises the error of the last attempt."""
    retry = LockRetry(patience)
    while True:
        try:
            return attempt()
        except psycopg.Error as error:
            if not retry.can_retry(error.sqlstate):
                raise
            time.sleep(retry.next_pause())
