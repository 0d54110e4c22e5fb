"""Errors that users read, and the exit codes of every command.

`manage.py`, the WSGI entry and the Alembic environment print a `UserError` and exit with its code.
"""

import logging
from enum import IntEnum

from django.db.utils import OperationalError


class ExitCode(IntEnum):
    """The exit codes of every command; `docs/operations.md` has the table."""

    DONE = 0
    PENDING = 1  # `--check` found work to do
    USAGE = 2  # wrong arguments, settings or input files
    FINDINGS = 3  # the command ran, and data is not as it should be
    LOCKED = 4  # another run, or another session, holds a lock
    REFUSED = 5  # the state of the database does not allow it; manual action is required
    FAILED = 6  # the database or a store failed; the step was rolled back
    PARTIAL = 7  # some of the work could not be done; run the command again
    CONSENT_NEEDED = 8  # an option or an answer must confirm it
    UNUSABLE_CONNECTION = 9  # the database cannot be reached, or not in a safe way
    STOPPED = 130  # Ctrl-C or SIGTERM
    NO_READER = 141  # the reader of standard output is gone


class UserError(Exception):
    """An error whose text is the whole message: what is wrong, where, and what to do. It never holds a secret."""

    exit_code = ExitCode.REFUSED


class ConfigurationError(UserError):
    """The environment or the settings do not allow a start."""

    exit_code = ExitCode.USAGE


class ShortErrors(logging.Filter):
    """Logs a database that cannot be used in one line: the message explains it, and the trace would add nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the trace with the message of the error."""
        if record.exc_info and isinstance(record.exc_info[1], DatabaseUnavailable):
            record.msg, record.args = f"{record.getMessage()}: {record.exc_info[1]}", ()
            record.exc_info = None
        return True


class DatabaseUnavailable(UserError, OperationalError):
    """The database cannot be used as it is: not running, not reachable, access denied, too old."""

    exit_code = ExitCode.UNUSABLE_CONNECTION
