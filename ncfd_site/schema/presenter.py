"""Display values of the schema page."""

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

ACTION_LABELS: dict[str, str] = {
    LogAction.UP: "upgrade",
    LogAction.DOWN: "downgrade",
    LogAction.ADOPT: "adopt",
    LogAction.REPAIR: "repair",
    LogAction.VERIFY: "verify",
}

# The parts of a remedy to type.
_CODE = re.compile(r"(manage\.py \w+(?: (?:--)?\w[\w-]*)*|(?:REINDEX|DROP) INDEX CONCURRENTLY [^;]+;)")

# Longer texts are collapsed.
_LONG = 240


@dataclass(frozen=True, slots=True)
class LogEntryView:
    """An entry of the log with its action, start and duration for display."""

    entry: LogEntry
    action: str
    at: datetime
    duration: str

    @classmethod
    def from_entry(cls, entry: LogEntry) -> Self:
        """Return the view of an entry."""
        duration = "unfinished" if entry.seconds is None else format_run_time(entry.seconds)
        return cls(entry, ACTION_LABELS.get(entry.action, entry.action), entry.started_at, duration)

    @property
    def has_failed(self) -> bool:
        """True if the outcome is a failure."""
        return self.entry.outcome == Outcome.FAILED

    @property
    def is_long(self) -> bool:
        """True if the detail is collapsed."""
        return len(self.entry.detail or "") > _LONG


@dataclass(frozen=True, slots=True)
class Difference:
    """An object that differs from its revision: `change` is missing, extra, unfinished or differs.

    `found` and `expected` are definitions or "", and `statement` adds a missing object. `parts_count` is the number of
    columns, constraints, indexes and triggers of a missing or extra table or view.
    """

    change: str
    kind: str
    name: str
    found: str
    expected: str
    statement: str
    parts_count: int = 0

    @property
    def is_long(self) -> bool:
        """True if the definitions are collapsed."""
        return len(self.found) + len(self.expected) > _LONG


def list_differences(findings: Iterable[Finding]) -> list[Difference]:
    """Return the differences, tables and views first, without the parts of a missing or extra table or view."""
    ordered = sorted(findings, key=lambda each: each.kind != "relation")
    parts = Counter(f.relation for f in ordered if f.kind != "relation")
    return [_build_difference(f, parts[f.name]) for f in omit_parts(ordered)]


def _build_difference(finding: Finding, parts_count: int) -> Difference:
    change = _describe_change(finding)
    expected, found = finding.expected or "", finding.found or ""
    if finding.kind == "relation" and change in ("missing", "extra"):
        # The definition is just "table" or "view".
        return Difference(change, found or expected, finding.name, "", "", "", parts_count)
    statement = finding.statement if change == "missing" else ""
    return Difference(change, finding.kind, finding.name, found, expected, statement)


def _describe_change(finding: Finding) -> str:
    if finding.found is None:
        return "missing"
    if finding.expected is None:
        return "extra"
    return "unfinished" if finding.is_unfinished else "differs"


def explain_state(diagnosis: Diagnosis) -> tuple[str, list[str]]:
    """Return why a run cannot start: a sentence, and the differences if they are the reason."""
    fit = diagnosis.fit
    if diagnosis.state is not State.NOT_ITS_REVISION or fit is None:
        return diagnosis.evidence, []
    # The section on drift shows the definitions.
    differences = list_differences((*fit.wrong, *fit.missing))
    lines = [f"{each.change}: {each.kind} {each.name}" for each in differences]
    lines += [drift.description for drift in fit.overdue_drift]
    return f"alembic_version holds {fit.revision}, but the schema differs from that revision:", lines


def split_remedy(text: str) -> list[tuple[str, str]]:
    """Split a remedy into pairs of text and code to type; either may be empty."""
    parts = [part.strip() for part in _CODE.split(text)]
    return [
        (words.lstrip(". ").removesuffix(":"), code)
        for words, code in zip(parts[::2], [*parts[1::2], ""], strict=True)
        if words.strip(". ") or code
    ]
