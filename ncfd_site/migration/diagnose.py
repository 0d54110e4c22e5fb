"""What state a database is in, told before anything is written."""

from dataclasses import dataclass
from enum import StrEnum

from ncfd_site.migration import line, versions
from ncfd_site.migration.failures import Exit, MigrationRefused
from ncfd_site.migration.session import Connection


class State(StrEnum):
    """The states that a database can be in, as seen by this code."""

    EMPTY = "empty"
    AT_HEAD = "at head"
    BEHIND = "behind"
    MISNAMED = "an id known under another name"
    UNKNOWN = "an unknown id"
    SEVERAL = "several versions"
    EMPTY_VERSION_TABLE = "an empty version table"
    WITHOUT_VERSION = "tables without a version"
    FOREIGN = "not an ncfd database"


# Runs go on from these by themselves; every other state needs a person.
SAFE = {State.EMPTY, State.AT_HEAD, State.BEHIND}

# Relations of schema public that are neither Django's, nor an extension's, nor the bookkeeping of migration.
_RELATIONS = """
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND c.relname !~ '^(auth|django)_' AND c.relname NOT IN ('alembic_version', 'alembic_migration_log')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1
"""

# Any database of ncfd, whatever happened to it, has these.
_OURS = {"trials", "companies", "documents", "link_audit"}


@dataclass(frozen=True)
class Diagnosis:
    """The state of a database, the revision where that is one of ours, and what a person is told otherwise."""

    state: State
    revision: str | None
    evidence: str = ""
    remedy: str = ""

    def require_safe(self) -> None:
        """Raise `MigrationRefused` unless a run may go on from here by itself."""
        if self.state not in SAFE:
            raise MigrationRefused(f"{self.evidence} {self.remedy}", Exit.NEEDS_ADOPTION)


def diagnose(connection: Connection) -> Diagnosis:
    """Tell the state of the database behind the connection; writes nothing."""
    table = versions.read(connection)
    known = line.ids()
    if len(table.rows) > 1:
        return Diagnosis(
            State.SEVERAL,
            None,
            f"alembic_version holds {len(table.rows)} rows ({', '.join(table.rows)}) where one is right; "
            "nothing was changed.",
            "Find out which of them the schema is at, and delete the others.",
        )
    if table.rows:
        return _diagnose_version(table.rows[0], known)
    relations = [row[0] for row in connection.execute(_RELATIONS).fetchall()]
    if not relations:
        return Diagnosis(State.EMPTY, None)
    if not _OURS & set(relations):
        some = ", ".join(relations[:3]) + (", …" if len(relations) > 3 else "")
        return Diagnosis(
            State.FOREIGN,
            None,
            f"This is not an ncfd database: it has no trials, companies, documents or link_audit, but {len(relations)} "
            f"other tables ({some}); nothing was changed.",
            "Let DATABASE_URL name the ncfd database, or an empty one.",
        )
    what = "is empty" if table.exists else "is missing"
    return Diagnosis(
        State.EMPTY_VERSION_TABLE if table.exists else State.WITHOUT_VERSION,
        None,
        f"The ncfd schema is there ({len(relations)} tables and views), but its version {what}, so it is not known "
        "which revisions it has; nothing was changed.",
        "Hold the schema against the revisions (docs/schema.md), and record where it stands: alembic stamp REVISION.",
    )


def _diagnose_version(version: str, known: list[str]) -> Diagnosis:
    if version == known[-1]:
        return Diagnosis(State.AT_HEAD, version)
    if version in known:
        return Diagnosis(State.BEHIND, version)
    if version in line.MISNAMED:
        meant = line.MISNAMED[version]
        return Diagnosis(
            State.MISNAMED,
            None,
            f"alembic_version holds {version}, which is the name of a file; the id of that revision is {meant}; "
            "nothing was changed.",
            "If the schema is at that revision, write its id: "
            f"UPDATE alembic_version SET version_num = '{meant}' WHERE version_num = '{version}'",
        )
    return Diagnosis(
        State.UNKNOWN,
        None,
        f"alembic_version holds {version}, which is no revision of this code (newest here: {known[-1]}): it comes from "
        "newer code or from another line of development; nothing was changed.",
        "Deploy the code that made it, or point DATABASE_URL at the right database.",
    )
