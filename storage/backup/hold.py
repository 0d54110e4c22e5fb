"""The hold of a backup: while it lasts, no data in the content stores is deleted, and no other backup runs.

It is an advisory lock of a transaction, so it works behind a pooler and ends with the connection. The server ends the
connection of a backup that was killed, or that stopped for two minutes. The transaction has no snapshot, so that it
does not delay vacuum.
"""

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg

from ncfd_site.config.errors import ExitCode
from ncfd_site.core import sql
from ncfd_site.postgres import connection_errors
from storage.backup.errors import BackupError, BackupInterruptedError

_KEY = int.from_bytes(hashlib.sha256(b"ncfd: backup").digest()[:8], "big", signed=True)
# Deletions in progress end within this time; another backup does not.
WAIT_SECONDS = 20
HEARTBEAT_SECONDS = 15
EXPIRES_AFTER_SECONDS = 120
_PREPARE = """
    SELECT set_config(name, CASE name WHEN 'lock_timeout' THEN %s WHEN 'idle_in_transaction_session_timeout' THEN %s
                            ELSE '0' END, true)
    FROM pg_settings
    WHERE name IN ('lock_timeout', 'idle_in_transaction_session_timeout', 'statement_timeout', 'transaction_timeout')
"""


def may_delete_data() -> bool:
    """Return whether no backup runs; a backup that starts then waits for the end of the current transaction."""
    # The lock is also refused while a backup waits for it.
    return bool(sql.value("SELECT pg_try_advisory_xact_lock_shared(%s)", [_KEY]))


class Hold:
    """The hold of this process. `check` raises `BackupInterruptedError` once it is lost."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise `BackupInterruptedError` if garbage collection may have deleted data since the hold began."""
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            raise BackupInterruptedError(
                "The connection that keeps garbage collection from deleting data was lost. Copied content is kept; run "
                "the backup again.",
                ExitCode.FAILED,
            ) from None

    def close(self) -> None:
        """End the heartbeat."""
        self._stopped.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stopped.wait(HEARTBEAT_SECONDS):
            try:
                self._connection.execute("SELECT 1")
            except psycopg.Error:
                return


@contextmanager
def hold_data(parameters: Mapping[str, Any]) -> Iterator[Hold]:
    """Keep all data in the stores; raises `BackupError` while another backup runs or on a standby."""
    try:
        connection = psycopg.connect(**{**parameters, "application_name": "ncfd backup"})
    except psycopg.OperationalError as error:
        raise connection_errors.explain(error, dict(parameters)) from None
    with connection:
        if connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
            raise BackupError(
                "This server is a read-only standby. Run the backup against the primary, where garbage collection "
                "sees it.",
                ExitCode.UNUSABLE_CONNECTION,
            )
        connection.execute(_PREPARE, [f"{WAIT_SECONDS}s", f"{EXPIRES_AFTER_SECONDS}s"])
        try:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_KEY])
        except psycopg.errors.LockNotAvailable:
            raise BackupError(
                "Another backup of this database is running. Wait until it has finished, then run the command again.",
                ExitCode.LOCKED,
            ) from None
        held = Hold(connection)
        try:
            yield held
        finally:
            held.close()
