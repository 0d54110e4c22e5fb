"""The line of revisions that this code has, read from the files themselves.

Alembic is not asked, so that a look at a database costs no more than a look: it takes Alembic and SQLAlchemy only when
something is to be run.
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

# Ids that live databases hold although no file ever had them: the names of three files, and what each one meant.
MISNAMED = {
    "20250122_add_storage_reference_counting": "20250122_add_storage_refcounting",
    "20250123_add_p_value_generated_column": "20250123_add_p_value_column",
    "20250124_create_signals_gates_scores_tables": "20250124_signals_gates_scores",
}

_ID = re.compile(r'^revision = "([^"]+)"$', re.MULTILINE)
_DOWN = re.compile(r'^down_revision = (?:"([^"]+)"|None)$', re.MULTILINE)
_SUMMARY = re.compile(r'^"""(.+?)(?:"""|\n)')


@dataclass(frozen=True)
class Revision:
    """A revision: its id, the id before it, its file, and what it is about in one sentence."""

    id: str
    down_revision: str | None
    path: Path
    summary: str


@cache
def load_revisions() -> tuple[Revision, ...]:
    """The revisions in the order in which they are applied. Raises LookupError unless they form one line."""
    by_down: dict[str | None, Revision] = {}
    for path in sorted((SCHEMA_FOLDER / "versions").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        found, down, summary = _ID.search(source), _DOWN.search(source), _SUMMARY.search(source)
        if not (found and down and summary):
            raise LookupError(f"{path} is no revision: it lacks its revision, its down_revision or a docstring")
        revision = Revision(found[1], down[1], path, summary[1].strip())
        if down[1] in by_down:
            raise LookupError(f"{revision.id} and {by_down[down[1]].id} both follow {down[1]}")
        by_down[down[1]] = revision
    ordered: list[Revision] = []
    while (following := by_down.get(ordered[-1].id if ordered else None)) is not None:
        ordered.append(following)
    if len(ordered) != len(by_down):
        stray = ", ".join(sorted({revision.id for revision in by_down.values()} - {r.id for r in ordered}))
        raise LookupError(f"{stray} follow no revision of the line")
    return tuple(ordered)


def ids() -> list[str]:
    """The ids of the revisions, in order."""
    return [revision.id for revision in load_revisions()]


def head() -> str:
    """The id of the newest revision."""
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
    """The id that a target names, None for the empty schema before the first revision.

    A target is an id or the beginning of one, `head`, `base`, or `+N` and `-N` from the current revision. Raises
    LookupError with what is wrong.
    """
    line = ids()
    if target in ("head", "heads"):
        return line[-1]
    if target == "base":
        return None
    if re.fullmatch(r"[+-]\d+", target):
        place = (line.index(current) if current else -1) + int(target)
        if not -1 <= place < len(line):
            raise LookupError(f"there are not that many revisions {'after' if target[0] == '+' else 'before'} here")
        return line[place] if place >= 0 else None
    if target in line:
        return target
    matches = [revision for revision in line if revision.startswith(target)]
    if len(matches) != 1:
        raise LookupError("several revisions begin like that" if matches else "no revision has that id")
    return matches[0]


def steps_between(current: str | None, target: str | None) -> list[tuple[str, Revision]]:
    """The steps from one revision to another: ("up" or "down", revision), in order."""
    line = load_revisions()
    here, there = (ids().index(place) + 1 if place else 0 for place in (current, target))
    if there >= here:
        return [("up", revision) for revision in line[here:there]]
    return [("down", revision) for revision in reversed(line[there:here])]


# The checksums of the files that a version of the changelog has released, by "REVISION up" and "REVISION down".
RELEASED = SCHEMA_FOLDER / "released.json"


def require_unedited_files() -> None:
    """Raise `MigrationError` where the revisions are not one line, or a released file was edited.

    An edited file would make another schema here than it made elsewhere.
    """
    try:
        load_revisions()
    except LookupError as error:
        raise MigrationError(
            f"The revisions of this code are not one line: {error}; nothing was changed. "
            "Let one of them follow the other.",
            ExitCode.USAGE,
        ) from None
    released = json.loads(RELEASED.read_text(encoding="utf-8"))
    edited = sorted(name for name, checksum in compute_checksums().items() if released.get(name, checksum) != checksum)
    lost = sorted(released.keys() - compute_checksums().keys())
    if edited or lost:
        named = "; ".join([*(f"{name} was edited" for name in edited), *(f"{name} is gone" for name in lost)])
        raise MigrationError(
            f"Released files of revisions are not what was released ({named}); nothing was changed. Take them from the "
            "release again, and put what is new into a revision of its own.",
            ExitCode.USAGE,
        )


def compute_checksums() -> dict[str, str]:
    """The checksums of the files as they are, by \"REVISION up\" and \"REVISION down\"."""
    directions: tuple[source.Direction, ...] = ("up", "down")
    return {
        f"{revision.id} {direction}": source.checksum(revision.path, direction)
        for revision in load_revisions()
        for direction in directions
    }


@dataclass(frozen=True)
class ChangedFile:
    """A revision whose file is not what ran here."""

    revision: str
    ran_at: datetime

    def __str__(self) -> str:
        return f"the file of {self.revision} changed since it ran here on {self.ran_at:%Y-%m-%d}"


def find_changed_files(connection: Connection, current: str | None) -> list[ChangedFile]:
    """The applied revisions whose files are not what last ran here."""
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
