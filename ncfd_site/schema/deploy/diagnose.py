"""What state a database is in, told before anything is written."""

from dataclasses import dataclass, replace
from enum import StrEnum

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema import catalog, retrying, source
from ncfd_site.schema.catalog import OF_DJANGO, Catalog
from ncfd_site.schema.deploy import assess, bookkeeping, compare, expected, revisions, session
from ncfd_site.schema.deploy.assess import Fit
from ncfd_site.schema.deploy.report import MigrationError
from ncfd_site.schema.deploy.session import Connection

_COMMAND = "manage.py migrate_alembic"
_SHOWN = 5


class State(StrEnum):
    """The states that a database can be in, as seen by this code."""

    EMPTY = "empty"
    AT_HEAD = "at head"
    BEHIND = "behind"
    OUT_OF_BAND = "behind, with objects of later revisions made by hand"
    AHEAD = "ahead of this code"
    MISNAMED = "an id known under another name"
    UNKNOWN = "an unknown id"
    SEVERAL = "several versions"
    EMPTY_VERSION_TABLE = "an empty version table"
    WITHOUT_VERSION = "tables without a version"
    INVALID_INDEX = "an invalid index"
    NOT_ITS_REVISION = "a schema that is not what its revision says"
    FOREIGN = "not an ncfd database"


# Runs go on from these by themselves; every other state needs a person.
SAFE = {State.EMPTY, State.AT_HEAD, State.BEHIND, State.OUT_OF_BAND}

# Whatever is wrong with these, it is not ours to touch.
NOT_OURS = {State.FOREIGN, State.UNKNOWN, State.AHEAD}

# Relations of schema public that are neither of Django and its apps, nor of an extension, nor the bookkeeping of
# migration.
_RELATIONS = f"""
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND c.relname !~ '{OF_DJANGO}' AND c.relname NOT IN ('alembic_version', 'alembic_migration_log')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1
"""

# Any database of ncfd, whatever happened to it, has these.
_OURS = {"trials", "companies", "documents", "link_audit"}


@dataclass(frozen=True)
class Diagnosis:
    """The state of a database.

    revision     the revision that it is at, where that is one of ours
    short        whether the version column is too short for our ids
    named        revisions of this code that the version table names, by their ids or by the names of their files
    found, fit   its catalog, and how that compares with the revision; None where there is no revision
    evidence     what a person is told where a run cannot go on, and `remedy` the command that mends it
    """

    state: State
    revision: str | None
    evidence: str = ""
    remedy: str = ""
    is_version_column_short: bool = False
    named_revisions: tuple[str, ...] = ()
    found: Catalog | None = None
    fit: Fit | None = None

    def require_safe(self) -> None:
        """Raise `MigrationError` unless a run may go on from here by itself."""
        if self.state not in SAFE:
            raise MigrationError(f"{self.evidence} {self.remedy}", ExitCode.REFUSED)


def diagnose(connection: Connection, patience: float = retrying.PATIENCE) -> Diagnosis:
    """Tell the state of the database behind the connection; writes nothing.

    Waits `patience` seconds for tables that others have locked.
    """
    table = bookkeeping.read_version_table(connection)
    diagnosis = _diagnose(connection, table, patience)
    named = {revisions.MISNAMED.get(row, row) for row in table.rows}
    return replace(
        diagnosis,
        is_version_column_short=table.width is not None and table.width < bookkeeping.WIDTH,
        named_revisions=tuple(revision for revision in revisions.ids() if revision in named),
    )


def _diagnose(connection: Connection, table: bookkeeping.VersionTable, patience: float) -> Diagnosis:
    strange = [row for row in table.rows if row not in revisions.ids() and row not in revisions.MISNAMED]
    if strange:
        return _strange(connection, strange[0])
    if len(table.rows) > 1:
        return Diagnosis(
            State.SEVERAL,
            None,
            f"alembic_version holds {len(table.rows)} rows ({', '.join(table.rows)}) where one is right; "
            "nothing was changed.",
            f"To prove which of them the schema is at, and to keep that one: {_COMMAND} --adopt auto",
        )
    if table.rows and table.rows[0] in revisions.MISNAMED:
        meant = revisions.MISNAMED[table.rows[0]]
        return Diagnosis(
            State.MISNAMED,
            None,
            f"alembic_version holds {table.rows[0]}, which is the name of a file; the id of that revision is {meant}; "
            "nothing was changed.",
            f"To prove that the schema is at that revision, and to write its id: {_COMMAND} --adopt auto",
        )
    if table.rows:
        return _hold_against(connection, table.rows[0], patience)
    return _without_version(connection, table)


def _without_version(connection: Connection, table: bookkeeping.VersionTable) -> Diagnosis:
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
        f"To prove which, and to go on from there: {_COMMAND} --adopt auto",
    )


def _strange(connection: Connection, version: str) -> Diagnosis:
    head = revisions.head()
    if any(
        entry.revision == version and entry.action == bookkeeping.LogAction.UP
        for entry in bookkeeping.read_log(connection)
    ):
        return Diagnosis(
            State.AHEAD,
            None,
            f"alembic_version holds {version}, which newer code than this brought here, as the log of migration tells "
            f"(newest revision of this code: {head}); nothing was changed.",
            f"Deploy that code again; or, to go back for good, run with that code: {_COMMAND} {head}",
        )
    return Diagnosis(
        State.UNKNOWN,
        None,
        f"alembic_version holds {version}, which is no revision of this code (newest here: {head}) and was not brought "
        "here by migrate_alembic: it comes from another line of development, and is not ours to touch; nothing was "
        "changed.",
        "Let DATABASE_URL name the right database, or deploy the code that made this one.",
    )


def _hold_against(connection: Connection, revision: str, patience: float) -> Diagnosis:
    """The state of a database that is stamped with one of our revisions."""
    found = catalog.read_definitions(connection, patience)
    at_head = revision == revisions.head()
    fit = assess.assess_fit(
        found,
        expected.read_catalogs(revisions.ids() if not at_head else [revision]),
        revision,
        exact=False,
    )
    known = Diagnosis(State.AT_HEAD if at_head else State.BEHIND, revision, found=found, fit=fit)
    invalid = [
        name for (kind, name), definition in found.items() if kind == "index" and definition.endswith(" INVALID")
    ]
    unfinished = [name for name in invalid if name not in _indexes_to_come(revision)]
    if unfinished:
        evidence, remedy = _invalid_index(connection, unfinished)
        return replace(known, state=State.INVALID_INDEX, evidence=evidence, remedy=remedy)
    if fit.is_clean:
        return known if not fit.has_out_of_band_changes or at_head else replace(known, state=State.OUT_OF_BAND)
    evidence, remedy = _not_its_revision(fit)
    return replace(known, state=State.NOT_ITS_REVISION, evidence=evidence, remedy=remedy)


def _indexes_to_come(revision: str) -> set[str]:
    """The indexes that pending revisions build: what an earlier attempt left of them, they build anew."""
    return {
        index
        for _, pending in revisions.steps_between(revision, revisions.head())
        for statement in source.statements(source.text(pending.path, "up"))
        if (index := source.built_index(statement))
    }


def _invalid_index(connection: Connection, indexes: list[str]) -> tuple[str, str]:
    """Evidence and remedy."""
    building = [f"{name} (process {pid})" for name in indexes if (pid := session.find_index_builder(connection, name))]
    if building:
        return (
            f"Being built right now: {', '.join(building)}; nothing was changed.",
            f"Wait for its end and run it again: {_COMMAND}",
        )
    # What a REINDEX CONCURRENTLY left behind is a copy: the index itself is there.
    statements = [
        f"{'DROP' if '_ccnew' in name or '_ccold' in name else 'REINDEX'} INDEX CONCURRENTLY public.{name};"
        for name in indexes
    ]
    evidence = f"Left invalid by a build that failed, and used by no query: {', '.join(indexes)}; nothing was changed."
    return evidence, f"To mend it without blocking anybody, in psql: {' '.join(statements)} Then: {_COMMAND}"


def _not_its_revision(fit: Fit) -> tuple[str, str]:
    """Evidence and remedy."""
    lacking = compare.omit_parts((*fit.wrong, *fit.missing))
    odd = [
        *(variant.description for variant in fit.overdue_drift),
        *(finding.description.rstrip(";") for finding in lacking),
    ]
    more = f" and {len(odd) - _SHOWN} more" if len(odd) > _SHOWN else ""
    evidence = (
        f"alembic_version says {fit.revision}, but the schema is not what that revision says: "
        f"{'; '.join(odd[:_SHOWN])}{more}. Nothing was changed."
    )
    if fit.fits:
        remedy = f"To bring it in line with every row kept: {_COMMAND} --adopt {fit.revision}"
    else:
        remedy = (
            f"To prove which revision it is at, and to go on from there: {_COMMAND} --adopt auto. "
            f"To see all that differs: {_COMMAND} --drift"
        )
    return evidence, remedy


def describe_outdated(fit: Fit) -> str:
    """What is told of old bodies."""
    return f"{len(fit.outdated)} old bodies are replaced by {compare.REPLACING_REVISION}: {', '.join(fit.outdated)}"
