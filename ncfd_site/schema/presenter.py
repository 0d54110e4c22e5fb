"""Parts of the schema page in the words in which a person reads them."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from ncfd_site.core.formatting import format_run_time
from ncfd_site.schema.deploy.bookkeeping import LogAction, LogEntry, Outcome
from ncfd_site.schema.deploy.compare import Finding, omit_parts
from ncfd_site.schema.deploy.diagnose import Diagnosis, State

ACTS: dict[str, str] = {
    LogAction.UP: "apply",
    LogAction.DOWN: "take back",
    LogAction.ADOPT: "adopt",
    LogAction.REPAIR: "repair",
    LogAction.VERIFY: "verify",
}

# What of a remedy is to be typed: a command, or statements for psql.
_TYPED = re.compile(r"(manage\.py \w+(?: (?:--)?\w[\w-]*)*|(?:REINDEX|DROP) INDEX CONCURRENTLY [^;]+;)")

# Longer definitions are folded away.
_LONG = 240


@dataclass(frozen=True, slots=True)
class Deed:
    """An entry of the log: what was done, when, and how long it took."""

    entry: LogEntry
    what: str
    at: datetime
    took: str

    @classmethod
    def of(cls, entry: LogEntry) -> Self:
        """Put an entry into words."""
        what = ACTS.get(entry.action, entry.action)
        return cls(
            entry, what, entry.started_at, "unfinished" if entry.seconds is None else format_run_time(entry.seconds)
        )

    @property
    def failed(self) -> bool:
        """Whether it did not go through."""
        return self.entry.outcome == Outcome.FAILED

    @property
    def is_long(self) -> bool:
        """Whether its detail is better folded away."""
        return len(self.entry.detail or "") > _LONG


@dataclass(frozen=True, slots=True)
class Difference:
    """An object that is not as its revision says: `what` is missing, extra, unfinished or differs.

    `found` and `expected` are definitions, "" where there is none; `statement` makes what is missing. `parts` counts
    the columns, constraints, indexes and triggers that are missing or extra because their table or view is.
    """

    what: str
    kind: str
    name: str
    found: str
    expected: str
    statement: str
    parts: int = 0

    @property
    def is_long(self) -> bool:
        """Whether its definitions are better folded away."""
        return len(self.found) + len(self.expected) > _LONG


def differences(findings: Iterable[Finding]) -> list[Difference]:
    """Put findings into words, tables and views first; what belongs to a missing or extra one is counted there."""
    found = sorted(findings, key=lambda each: each.kind != "relation")
    parts = Counter(f.relation for f in found if f.kind != "relation")
    return [_difference(f, parts[f.name]) for f in omit_parts(found)]


def _difference(finding: Finding, parts: int) -> Difference:
    what = _what(finding)
    expected, is_there = finding.expected or "", finding.found or ""
    # The words of what is missing end with the statement that makes it, or else with its definition.
    told = finding.description.removeprefix(f"missing: {finding.kind} {finding.name}: ")
    statement = told if what == "missing" and told != expected else ""
    if finding.kind == "relation" and what in ("missing", "extra"):
        # Its definition says no more than whether it is a table or a view.
        return Difference(what, is_there or expected, finding.name, "", "", "", parts)
    return Difference(what, finding.kind, finding.name, is_there, expected, statement)


def _what(finding: Finding) -> str:
    if finding.found is None:
        return "missing"
    if finding.expected is None:
        return "extra"
    return "unfinished" if finding.is_unfinished else "differs"


def evidence(diagnosis: Diagnosis) -> tuple[str, list[str]]:
    """What a person is told of a database that a run does not touch: a sentence, and what it speaks of, one by one."""
    fit = diagnosis.fit
    if diagnosis.state is not State.NOT_ITS_REVISION or fit is None:
        return diagnosis.evidence, []
    # Their definitions stand in the report of the drift.
    odd = [f"{each.what}: {each.kind} {each.name}" for each in differences((*fit.wrong, *fit.missing))]
    odd += [variant.description for variant in fit.overdue_drift]
    return f"alembic_version says {fit.revision}, but the schema is not what that revision says:", odd


def remedy(text: str) -> list[tuple[str, str]]:
    """Split a remedy into what is said and what is to be typed: pairs of which either may be empty."""
    parts = [part.strip() for part in _TYPED.split(text)]
    return [
        (said.lstrip(". ").removesuffix(":"), typed)
        for said, typed in zip(parts[::2], [*parts[1::2], ""], strict=True)
        if said.strip(". ") or typed
    ]
