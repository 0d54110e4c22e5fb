"""Files of revisions that are not what they were: since they were released, and since they ran on a database."""

import json
from dataclasses import dataclass
from datetime import datetime

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema import source
from ncfd_site.schema.deploy import history, revisions
from ncfd_site.schema.deploy.failures import MigrationError
from ncfd_site.schema.deploy.history import LogAction, Outcome
from ncfd_site.schema.deploy.session import Connection

# The checksums of the files that a version of the changelog has released, by "REVISION up" and "REVISION down".
RELEASED = revisions.SCHEMA_FOLDER / "released.json"


def require_sound_files() -> None:
    """Raise `MigrationError` where the revisions are not one line, or a released file was edited.

    An edited file would make another schema here than it made elsewhere.
    """
    try:
        revisions.revisions()
    except LookupError as error:
        raise MigrationError(
            f"The revisions of this code are not one line: {error}; nothing was changed. "
            "Let one of them follow the other.",
            ExitCode.USAGE,
        ) from None
    released = json.loads(RELEASED.read_text(encoding="utf-8"))
    edited = sorted(name for name, checksum in checksums().items() if released.get(name, checksum) != checksum)
    lost = sorted(released.keys() - checksums().keys())
    if edited or lost:
        named = "; ".join([*(f"{name} was edited" for name in edited), *(f"{name} is gone" for name in lost)])
        raise MigrationError(
            f"Released files of revisions are not what was released ({named}); nothing was changed. Take them from the "
            "release again, and put what is new into a revision of its own.",
            ExitCode.USAGE,
        )


def checksums() -> dict[str, str]:
    """The checksums of the files as they are, by \"REVISION up\" and \"REVISION down\"."""
    directions: tuple[source.Direction, ...] = ("up", "down")
    return {
        f"{revision.id} {direction}": source.checksum(revision.path, direction)
        for revision in revisions.revisions()
        for direction in directions
    }


@dataclass(frozen=True)
class Changed:
    """A revision whose file is not what ran here."""

    revision: str
    ran_at: datetime

    def __str__(self) -> str:
        return f"the file of {self.revision} changed since it ran here on {self.ran_at:%Y-%m-%d}"


def since_they_ran(connection: Connection, current: str | None) -> list[Changed]:
    """The applied revisions whose files are not what last ran here."""
    if current is None:
        return []
    applied = set(revisions.ids()[: revisions.ids().index(current) + 1])
    ran = {
        entry.revision: entry
        for entry in history.entries(connection)
        if entry.action == LogAction.UP and entry.outcome == Outcome.DONE and entry.revision in applied
    }
    now = checksums()
    return [
        Changed(revision, ran[revision].started_at)
        for revision in revisions.ids()
        if revision in ran and ran[revision].file_sha256 not in (None, now[f"{revision} up"])
    ]
