"""What a run says: lines for people while it goes on, one JSON object for programs at its end."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.schema import source
from ncfd_site.schema.source import Step


@dataclass
class RunResult:
    """What a run found and did; `as_json` is the contract of `--json`."""

    database: str
    before: str | None = None
    after: str | None = None
    state: str = ""
    applied: list[dict[str, Any]] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    waited_seconds: float = 0.0
    verified: bool | None = None
    problems: list[str] = field(default_factory=list)
    adoption: dict[str, Any] | None = None
    rewrites: list[dict[str, Any]] = field(default_factory=list)
    changed_files: list[str] = field(default_factory=list)
    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    drift: dict[str, Any] | None = None
    history: list[dict[str, Any]] | None = None
    error: str | None = None
    exit_code: ExitCode = ExitCode.DONE

    def as_json(self) -> str:
        return json.dumps(
            {
                "schema": 1,
                "status": self.exit_code.name.lower(),
                "exit": int(self.exit_code),
                "database": self.database,
                "state": self.state,
                "before": self.before,
                "after": self.after,
                "applied": self.applied,
                "pending": self.pending,
                "lock": {"waited_s": round(self.waited_seconds, 3)},
                "verified": self.verified,
                "problems": self.problems,
                "adoption": self.adoption,
                "rewrites": self.rewrites,
                "changed_files": self.changed_files,
                "rows": self.rows,
                "drift": self.drift,
                "history": self.history,
                "error": self.error,
            },
            default=str,
        )


class Progress:
    """Tells a person what happens, a line for each revision, and keeps it for the outcome."""

    def __init__(self, write: Callable[[str], object], verbosity: int, outcome: RunResult) -> None:
        self.write = write
        self.verbosity = verbosity
        self.outcome = outcome

    def say(self, line: str, *, level: int = 1) -> None:
        if self.verbosity >= level:
            self.write(line)

    def waiting(self) -> None:
        self.say("Another migration is running on this database; waiting for it.")

    def begin(self, revision: str, direction: str) -> None:
        self.say(f"  {'Applying' if direction == 'up' else 'Taking back'} {revision} …", level=2)

    def done(self, revision: str, direction: str, seconds: float) -> None:
        self.outcome.applied.append({"revision": revision, "direction": direction, "seconds": round(seconds, 3)})
        self.say(f"  {'Applied' if direction == 'up' else 'Took back'} {revision} in {seconds:.2f} s")

    def locked(self, revision: str, pause: float) -> None:
        self.say(f"  {revision}: a table is locked by another session; trying again in {pause:.1f} s")


class MigrationError(UserError):
    """A run that stops, with its exit code."""

    def __init__(self, message: str, exit_code: ExitCode) -> None:
        super().__init__(message)
        self.exit_code = exit_code


# SQLSTATE of `pg_temp.refuse_loss`; an upgrade that drops data is refused with the same.
LOSS_SQLSTATE = "NC001"


class RevisionError(Exception):
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
