"""How a run can end, as exit codes, and the exception that carries one."""

from enum import IntEnum
from typing import Self

from ncfd_site.config.errors import UserError
from ncfd_site.schema import source
from ncfd_site.schema.source import Step


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


class RevisionFailed(Exception):
    """A statement of a revision failed. Its transaction is lost, unless `online` is set: then it is committed."""

    def __init__(
        self,
        step: Step,
        message: str,
        *,
        statement: str = "",
        sqlstate: str | None = None,
        detail: str = "",
        hint: str = "",
        online: bool = False,
    ) -> None:
        super().__init__(f"{step.revision} ({step.direction}): {message}")
        self.step = step
        self.message = message
        self.statement = _excerpt(statement)
        self.sqlstate = sqlstate
        self.detail = detail
        self.hint = hint
        self.online = online

    @classmethod
    def by(cls, error: BaseException, step: Step, statement: str, *, online: bool) -> Self:
        """What the server said of a statement."""
        diagnosis = getattr(error, "diag", None)
        return cls(
            step,
            (diagnosis and diagnosis.message_primary) or str(error).strip(),
            statement=statement,
            sqlstate=getattr(error, "sqlstate", None),
            detail=(diagnosis and diagnosis.message_detail) or "",
            hint=(diagnosis and diagnosis.message_hint) or "",
            online=online,
        )


def _excerpt(statement: str, longest: int = 300) -> str:
    """The statement for a message."""
    line = source.bare(statement)
    return line if len(line) <= longest else line[: longest - 1] + "…"
