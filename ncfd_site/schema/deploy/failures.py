"""How a run can end, as exit codes, and the exception that carries one."""

from enum import IntEnum

from ncfd_site.config.errors import UserError


class Exit(IntEnum):
    """Exit codes of `migrate_alembic`."""

    DONE = 0
    PENDING = 1
    USAGE = 2
    NOT_VERIFIED = 3
    LOCKED = 4
    NEEDS_ADOPTION = 5
    REVISION_FAILED = 6
    PARTIAL = 7
    CONSENT_REFUSED = 8
    UNSAFE_CONNECTION = 9


class MigrationRefused(UserError):
    """A run that stops. The text is the whole message: what is wrong, where, and what to do."""

    def __init__(self, message: str, exit_code: Exit) -> None:
        super().__init__(message)
        self.exit_code = exit_code
