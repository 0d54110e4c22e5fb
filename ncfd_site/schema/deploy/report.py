"""What a run says: lines for people while it goes on, one JSON object for programs at its end."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ncfd_site.config.errors import ExitCode


@dataclass
class Outcome:
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

    def __init__(self, write: Callable[[str], object], verbosity: int, outcome: Outcome) -> None:
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
