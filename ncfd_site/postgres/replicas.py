"""Read replicas: the choice of one for a read, and the switch of a thread's connection `default` to it.

The ORM, `core.sql`, COPY and transactions all use the connection `default`. While a block reads from a replica, that
name leads to the connection of the replica in this thread, so that no read can miss the switch.
"""

import logging
import os
import random
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from time import monotonic, sleep
from typing import Any, TypeVar

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DataError, Error, IntegrityError, connections
from psycopg.errors import QueryCanceled

from ncfd_site.core import sql

Result = TypeVar("Result")
View = TypeVar("View", bound=Callable[..., Any])

# Positions in the write-ahead log are bytes since its beginning.
READ_POSITION = """
    SELECT pg_is_in_recovery() AS is_standby,
        (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0')::bigint
            AS position
"""
# Includes a commit that is not written yet (synchronous_commit = off).
READ_LAST_WRITE = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint"

# Seconds between two checks of a replica in use, until one counts as failed, and until a failed replica is tried again.
CHECK_INTERVAL = 0.25
CHECK_TIMEOUT = 1.0
RETRY_INTERVAL = 2.0
# Seconds that a command waits for a replica with all that is committed.
COMMAND_TIMEOUT = 5.0

log = logging.getLogger(__name__)
_thread = threading.local()


@dataclass(frozen=True, slots=True)
class Position:
    """The position up to which a server has written, or replayed as a standby."""

    is_standby: bool
    position: int


class Replica:
    """A replica as one process sees it. All threads share its checks, which run in a thread with own connections."""

    def __init__(self, alias: str, max_lag: float) -> None:
        self.alias = alias
        self._max_lag = max_lag
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=alias)
        # Of the reads in progress; a thread of its own checks the replica meanwhile.
        self._sessions: set[psycopg.Connection[Any]] = set()
        self._is_watched = False
        self._check: Future[int | None] = Future()
        self._check.set_result(None)
        # When the next check is due.
        self._due = float("-inf")
        self._timeout_at = float("-inf")
        self._problem = "it is not checked yet"
        # Times with the positions of the primary, of the last `max_lag` seconds.
        self._marks: deque[tuple[float, int]] = deque()

    def has_reached(self, position: int) -> bool:
        """Return whether the replica answers, lags less than the limit, and has replayed the position.

        Never waits for a replica with a problem; it is checked again in the background.
        """
        check = self._start_check_if_due()
        if self._problem:
            return False
        reached = self._await_check(check)
        return reached is not None and reached >= position

    @contextmanager
    def watch(self, session: psycopg.Connection[Any]) -> Iterator[None]:
        """Close the session of the block if the replica does not answer meanwhile, so that its query fails."""
        with self._lock:
            self._sessions.add(session)
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._watch_sessions, name=f"{self.alias}-watch", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._sessions.discard(session)

    def _watch_sessions(self) -> None:
        while True:
            check = self._start_check_if_due()
            self._await_check(check)
            with self._lock:
                if not check.done():
                    for session in self._sessions:
                        _cut(session)
                if not check.done() or not self._sessions:
                    self._is_watched = False
                    return
            sleep(CHECK_INTERVAL)

    def _start_check_if_due(self) -> Future[int | None]:
        with self._lock:
            if self._check.done() and monotonic() >= self._due:
                self._due = monotonic() + CHECK_INTERVAL
                self._timeout_at = monotonic() + CHECK_TIMEOUT
                self._check = self._executor.submit(self._read_position)
            return self._check

    def _await_check(self, check: Future[int | None]) -> int | None:
        try:
            return check.result(max(0.0, self._timeout_at - monotonic()))
        except TimeoutError:
            self.report_problem(f"it did not answer within {CHECK_TIMEOUT:.0f} s")
            return None

    def report_problem(self, problem: str) -> None:
        """Use the replica no more until a later check succeeds."""
        self._due = monotonic() + RETRY_INTERVAL
        self._set_problem(problem)

    def check_again(self) -> None:
        """Check before the next read: the replica may be gone, or only the connection of this thread."""
        self._due = float("-inf")

    def _set_problem(self, problem: str) -> None:
        with self._lock:
            changed, self._problem = bool(problem) != bool(self._problem), problem
        if changed:
            log.warning("%s is %s", self.alias, f"not used: {problem}" if problem else "used")

    def _read_position(self) -> int | None:
        try:
            (primary,) = sql.rows(READ_POSITION, of=Position)
            now = monotonic()
            (replica,) = sql.rows(READ_POSITION, of=Position, using=self.alias)
        except Error as error:
            connections.close_all()
            self.report_problem(str(error).strip().replace("DATABASE_URL", "DATABASE_REPLICA_URLS"))
            return None
        if not replica.is_standby:
            self.report_problem("it is not a standby")
            return None
        self._marks.append((now, primary.position))
        while len(self._marks) > 1 and self._marks[1][0] < now - self._max_lag:
            self._marks.popleft()
        reached = max((at for at, mark in self._marks if mark <= replica.position), default=float("-inf"))
        missing = min((at for at, mark in self._marks if mark > replica.position), default=now)
        if now - missing > self._max_lag:
            self.report_problem(f"it is more than {self._max_lag} s behind the primary")
            return None
        self._set_problem("")
        return replica.position if now - reached <= self._max_lag else None


@cache
def list_replicas() -> list[Replica]:
    """Return the replicas of the settings."""
    return [Replica(alias, settings.REPLICA_MAX_LAG_SECONDS) for alias in settings.REPLICAS]


def find_replica(position: int) -> Replica | None:
    """Return a replica that has replayed a position of the primary, None if no one has or in a transaction."""
    if connections[DEFAULT_DB_ALIAS].in_atomic_block:
        return None
    candidates = random.sample(list_replicas(), len(list_replicas()))
    return next((replica for replica in candidates if replica.has_reached(position)), None)


def read_from(replica: Replica, read: Callable[[], Result]) -> Result | None:
    """Return the result of a function that reads from a replica, None if the replica failed.

    It also failed if the function handled the error. A query that was canceled, and an error of the data, would be the
    same on the primary.
    """
    connection, failures = connections[replica.alias], []

    def watch(execute: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return execute(*arguments)
        except Error as error:
            failures.append(error)
            raise

    try:
        connection.ensure_connection()
        with (
            connection.execute_wrapper(watch),
            _switch_default_connection(connection),
            replica.watch(connection.connection),
        ):
            result = read()
    except Error as error:
        if not _is_failure(error):
            raise
        failures.append(error)
    failure = next(filter(_is_failure, failures), None)
    if failure is None:
        return result
    log.warning("A read of %s is repeated on the primary: %s", replica.alias, str(failure).strip())
    session = connection.connection
    if session is None or session.closed:
        replica.check_again()
    connection.close()
    return None


@contextmanager
def use_replica() -> Iterator[str]:
    """Read from a replica that has all that is committed now, from the primary if there is none; yield the alias."""
    replica = _wait_for_replica() if settings.REPLICAS else None
    if replica is None:
        yield DEFAULT_DB_ALIAS
        return
    with _switch_default_connection(connections[replica.alias]):
        yield replica.alias


@contextmanager
def use_primary() -> Iterator[None]:
    """Read from the primary, within a block that reads from a replica."""
    with _switch_default_connection(getattr(_thread, "primary", connections[DEFAULT_DB_ALIAS])):
        yield


def reads_primary(view: View) -> View:
    """Let a view always run on the primary."""
    view.reads_replica = False  # type: ignore[attr-defined]
    return view


def read_last_write() -> int:
    """Return the position of the primary that includes every commit so far."""
    return int(sql.value(READ_LAST_WRITE))


def _wait_for_replica() -> Replica | None:
    (committed,) = sql.rows(READ_POSITION, of=Position)
    ends = monotonic() + COMMAND_TIMEOUT
    while (replica := find_replica(committed.position)) is None and monotonic() < ends:
        sleep(CHECK_INTERVAL / 5)
    return replica


def _cut(session: psycopg.Connection[Any]) -> None:
    """End the connection under a thread that waits for it."""
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(session.fileno())) as transport:
        transport.shutdown(socket.SHUT_RDWR)


def _is_failure(error: Error) -> bool:
    return not isinstance(error, DataError | IntegrityError) and not isinstance(error.__cause__, QueryCanceled)


@contextmanager
def _switch_default_connection(connection: Any) -> Iterator[None]:
    replaced = connections[DEFAULT_DB_ALIAS]
    is_outermost = not hasattr(_thread, "primary")
    if is_outermost:
        _thread.primary = replaced
    connections[DEFAULT_DB_ALIAS] = connection
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = replaced
        if is_outermost:
            del _thread.primary
