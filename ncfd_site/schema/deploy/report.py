"""Result, progress and errors of a run."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.schema import retrying, source
from ncfd_site.schema.source import Step

# Seconds to wait for another run.
LOCK_WAIT_SECONDS = 600.0


@dataclass
class RunResult:
    """Findings and effects of a run."""

    database: str
    before: str | None = None
    after: str | None = None
    state: str = ""
    applied: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    waited_seconds: float = 0.0
    verified: bool | None = None
    problems: list[str] = field(default_factory=list)
    adoption: dict[str, Any] | None = None
    rewrites: list[dict[str, Any]] = field(default_factory=list)
    changed_files: list[str] = field(default_factory=list)
    not_tried: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    drift: dict[str, Any] | None = None
    history: list[dict[str, Any]] | None = None
    error: str | None = None
    exit_code: ExitCode = ExitCode.DONE

    def as_json(self) -> str:
        """Return the object that `--json` prints; its keys are a public contract."""
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
                "steps": self.steps,
                "pending": self.pending,
                "lock": {"waited_s": round(self.waited_seconds, 3)},
                "verified": self.verified,
                "problems": self.problems,
                "not_tried": self.not_tried,
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


@dataclass(frozen=True)
class Blocker:
    """A session, or a prepared transaction, for which a run waits; `remedy` is the statement that ends it."""

    name: str
    text: str
    remedy: str
    is_autovacuum: bool = False

    def __str__(self) -> str:
        return self.text


class Progress:
    """Prints a line for each step and records the steps in the result.

    `lock_wait` is the time in seconds to wait for another run.
    """

    def __init__(
        self, write: Callable[[str], object], verbosity: int, result: RunResult, lock_wait: float = LOCK_WAIT_SECONDS
    ) -> None:
        self.write = write
        self.verbosity = verbosity
        self.result = result
        self.lock_wait = lock_wait
        # Who made this run wait last.
        self.blockers: Sequence[Blocker] = ()

    def print(self, line: str, *, level: int = 1) -> None:
        """Print a line at this verbosity and above."""
        if self.verbosity >= level:
            self.write(line)

    def report_waiting(self, runner: str) -> None:
        """Print which run holds the lock."""
        self.print(f"Another migration is running on this database; waiting for {runner}.")

    def report_blockers(self, blockers: Sequence[Blocker]) -> None:
        """Print each session that the run waits for, and the statement that ends it."""
        for each in blockers:
            self.print(f"  Waiting for {each}. To end it: {each.remedy}")

    @property
    def is_blocked_by_autovacuum(self) -> bool:
        """True if autovacuum made the run wait; it gives way to a longer wait."""
        return any(each.is_autovacuum for each in self.blockers)

    def describe_blockers(self) -> str:
        """Return for which sessions the run waited last."""
        return "; ".join(map(str, self.blockers)) or "another session"

    def begin_step(self, revision: str, direction: str) -> None:
        """Print which revision runs."""
        self.print(f"  {'Applying' if direction == 'up' else 'Reverting'} {revision} …", level=2)

    def end_step(self, revision: str, direction: str, seconds: float) -> None:
        """Record and print a finished revision."""
        self.result.applied.append({"revision": revision, "direction": direction, "seconds": round(seconds, 3)})
        self.print(f"  {'Applied' if direction == 'up' else 'Reverted'} {revision} in {seconds:.2f} s")

    def report_locked_table(self, revision: str, pause: float) -> None:
        """Print when a revision is retried."""
        self.print(f"  {revision}: a table is locked by {self.describe_blockers()}; retrying in {pause:.1f} s")


class MigrationError(UserError):
    """An error that ends a run, with its exit code."""

    def __init__(self, message: str, exit_code: ExitCode) -> None:
        super().__init__(message)
        self.exit_code = exit_code


# Classes of SQLSTATE, and codes, with which a server refuses this connection or role.
_UNUSABLE = ("08", "28", "53", "57", "25006", "42501")


def explain_error(error: psycopg.Error, progress: Progress) -> MigrationError:
    """Return the error to show for a statement that is not of a revision."""
    state = error.sqlstate or "08"
    if state == retrying.LOCK_NOT_AVAILABLE:
        remedies = " ".join(each.remedy for each in progress.blockers) or "find it in pg_locks."
        return MigrationError(
            f"A table is locked by {progress.describe_blockers()}. To end it: {remedies} Then run the command again: "
            "it resumes at the same revision.",
            ExitCode.LOCKED,
        )
    cause = error.diag.message_primary or str(error).strip()
    if error.diag.context:
        # Such as an event trigger.
        cause += f" ({error.diag.context.splitlines()[0]})"
    return MigrationError(
        f"PostgreSQL stopped the run: {cause}. Correct the cause and run the command again.",
        ExitCode.UNUSABLE_CONNECTION if state.startswith(_UNUSABLE) else ExitCode.FAILED,
    )


# SQLSTATE of `pg_temp.refuse_loss`; an upgrade that drops data is refused with the same code.
LOSS_SQLSTATE = "NC001"


class RevisionError(Exception):
    """A statement of a revision failed; `online` if the transaction of the revision was committed before it."""

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
        self.statement = _shorten_statement(statement)
        self.sqlstate = sqlstate
        self.detail = detail
        self.hint = hint
        self.online = online

    @classmethod
    def from_error(cls, error: BaseException, step: Step, statement: str, *, online: bool) -> Self:
        """Return the error for a statement that the server rejected."""
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


def _shorten_statement(statement: str, longest: int = 300) -> str:
    line = source.strip_comments(statement)
    return line if len(line) <= longest else line[: longest - 1] + "…"
