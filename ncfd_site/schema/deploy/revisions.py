"""The revisions of this code and the checksums of their files.

They are read without Alembic, so that a run with nothing to do does not import it.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema import source
from ncfd_site.schema.deploy import bookkeeping
from ncfd_site.schema.deploy.bookkeeping import LogAction, Outcome
from ncfd_site.schema.deploy.report import MigrationError
from ncfd_site.schema.deploy.session import Connection

SCHEMA_FOLDER = Path(__file__).parent.parent

# File names that some live databases hold in place of the id, and that id.
MISNAMED = {
    "20250122_add_storage_reference_counting": "20250122_add_storage_refcounting",
    "20250123_add_p_value_generated_column": "20250123_add_p_value_column",
    "20250124_create_signals_gates_scores_tables": "20250124_signals_gates_scores",
}

# The newest revision of live databases, and the ids that the pipelines' own migrations have after it.
LIVE_HEAD = "20250124_add_resolver_system_and_company_securities"
PIPELINES_IDS = {
    "7a372ed1b33a",
    "cb8dbc1fff5f",
    "20250818_company_orgs",
    "20250818_company_securities",
    "ea45863147eb",
    "20250820_resolver_det_rules",
    "20250820b_add_rule_id_to_resolver_det_rules",
    "20250820_final_company_security",
}

_ID = re.compile(r'^revision = "([^"]+)"$', re.MULTILINE)
_DOWN = re.compile(r'^down_revision = (?:"([^"]+)"|None)$', re.MULTILINE)
_SUMMARY = re.compile(r'^"""(.+?)(?:"""|\n)')


@dataclass(frozen=True)
class Revision:
    """A revision: id, id of the one before it, file, and the first line of its docstring."""

    id: str
    down_revision: str | None
    path: Path
    summary: str


@cache
def load_revisions() -> tuple[Revision, ...]:
    """Return the revisions in the order of upgrades. Raises `LookupError` unless they form one line."""
    by_down: dict[str | None, Revision] = {}
    for path in sorted((SCHEMA_FOLDER / "versions").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        found, down, summary = _ID.search(source), _DOWN.search(source), _SUMMARY.search(source)
        if not (found and down and summary):
            raise LookupError(f"{path} lacks a revision, a down_revision or a docstring")
        revision = Revision(found[1], down[1], path, summary[1].strip())
        if down[1] in by_down:
            raise LookupError(f"{revision.id} and {by_down[down[1]].id} both follow {down[1]}")
        by_down[down[1]] = revision
    ordered: list[Revision] = []
    while (following := by_down.get(ordered[-1].id if ordered else None)) is not None:
        ordered.append(following)
    if len(ordered) != len(by_down):
        stray = ", ".join(sorted({revision.id for revision in by_down.values()} - {r.id for r in ordered}))
        raise LookupError(f"{stray} follow no known revision")
    return tuple(ordered)


def ids() -> list[str]:
    """Return the ids of the revisions, in order."""
    return [revision.id for revision in load_revisions()]


def head() -> str:
    """Return the id of the newest revision."""
    return ids()[-1]


@cache
def compute_files_digest() -> str:
    """Return a digest of all files that decide the content of a migrated database."""
    digest = hashlib.sha256()
    for path in sorted(path for path in SCHEMA_FOLDER.rglob("*") if path.suffix in (".py", ".sql")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(SCHEMA_FOLDER)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def resolve_target(target: str, current: str | None) -> str | None:
    """Return the id that a target names; None is the empty schema.

    A target is an id or its beginning, `head`, `base`, or `+N` or `-N` from the current revision. Raises `LookupError`.
    """
    line = ids()
    if target in ("head", "heads"):
        return line[-1]
    if target == "base":
        return None
    if re.fullmatch(r"[+-]\d+", target):
        position = (line.index(current) if current else -1) + int(target)
        if not -1 <= position < len(line):
            raise LookupError(f"there are fewer revisions {'after' if target[0] == '+' else 'before'} the current one")
        return line[position] if position >= 0 else None
    if target in line:
        return target
    matches = [revision for revision in line if revision.startswith(target)]
    if len(matches) != 1:
        raise LookupError("several ids start with it" if matches else "no id starts with it")
    return matches[0]


def steps_between(current: str | None, target: str | None) -> list[tuple[str, Revision]]:
    """Return the steps from one revision to another, each as ("up" or "down", revision)."""
    line = load_revisions()
    start, end = (ids().index(revision) + 1 if revision else 0 for revision in (current, target))
    if end >= start:
        return [("up", revision) for revision in line[start:end]]
    return [("down", revision) for revision in reversed(line[end:start])]


# The checksums of released files, by "REVISION up" and "REVISION down".
RELEASED = SCHEMA_FOLDER / "released.json"


def require_unedited_files() -> None:
    """Raise `MigrationError` if the revisions are not one line or a released file was edited or deleted."""
    try:
        load_revisions()
    except LookupError as error:
        raise MigrationError(
            f"The revisions of this code are not one line: {error}. Nothing was changed. Correct down_revision.",
            ExitCode.USAGE,
        ) from None
    released = json.loads(RELEASED.read_text(encoding="utf-8"))
    edited = sorted(name for name, checksum in compute_checksums().items() if released.get(name, checksum) != checksum)
    lost = sorted(released.keys() - compute_checksums().keys())
    if edited or lost:
        named = "; ".join([*(f"{name} was edited" for name in edited), *(f"{name} is missing" for name in lost)])
        raise MigrationError(
            f"Released files of revisions differ from the release ({named}). Nothing was changed. Restore the files of "
            "the release and put the changes into a new revision.",
            ExitCode.USAGE,
        )


def compute_checksums() -> dict[str, str]:
    """Return the checksums of the files, by "REVISION up" and "REVISION down"."""
    directions: tuple[source.Direction, ...] = ("up", "down")
    return {
        f"{revision.id} {direction}": source.compute_checksum(revision.path, direction)
        for revision in load_revisions()
        for direction in directions
    }


@dataclass(frozen=True)
class ChangedFile:
    """A revision whose file changed since it was applied to the database."""

    revision: str
    ran_at: datetime

    def __str__(self) -> str:
        return f"the file of {self.revision} changed since it was applied on {self.ran_at:%Y-%m-%d}"


def find_changed_files(connection: Connection, current: str | None) -> list[ChangedFile]:
    """Return the applied revisions whose files changed since."""
    if current is None:
        return []
    applied = set(ids()[: ids().index(current) + 1])
    ran = {
        entry.revision: entry
        for entry in bookkeeping.read_log(connection)
        if entry.action == LogAction.UP and entry.outcome == Outcome.DONE and entry.revision in applied
    }
    now = compute_checksums()
    return [
        ChangedFile(revision, ran[revision].started_at)
        for revision in ids()
        if revision in ran and ran[revision].file_sha256 not in (None, now[f"{revision} up"])
    ]
