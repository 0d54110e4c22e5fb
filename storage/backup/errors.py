"""Errors of backups and restores."""

from django.db import OperationalError

from ncfd_site.config.errors import ExitCode, UserError


class BackupError(UserError):
    """A backup or restore cannot be done or continued."""

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.REFUSED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class BackupInterruptedError(BackupError, OperationalError):
    """The database was lost during a backup. Workers try the job again, as after every `OperationalError`."""


class BackupStoreError(UserError):
    """The folder or bucket of backups cannot be read or written."""

    exit_code = ExitCode.FAILED


class BackupFileMissingError(BackupStoreError):
    """A file is not in the destination."""


class BackupDamagedError(UserError):
    """A file of the backup is missing, truncated or changed."""

    exit_code = ExitCode.REFUSED
