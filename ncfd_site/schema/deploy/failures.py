"""The error that ends a run of `migrate_alembic`."""

from typing import Self

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.schema import source
from ncfd_site.schema.source import Step


class MigrationError(UserError):
    """A run that stops, with its exit code."""

    def __init__(self, message: str, exit_code: ExitCode) -> None:
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
