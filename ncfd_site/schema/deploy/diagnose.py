"""The state of a database, determined before anything is written."""

from dataclasses import dataclass, replace
from enum import StrEnum

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.formatting import format_quantity
from ncfd_site.schema import retrying
from ncfd_site.schema.catalog import Catalog, read_definitions
from ncfd_site.schema.catalog_scope import OF_DJANGO
from ncfd_site.schema.deploy import assess, bookkeeping, compare, expected, revisions, spelling
from ncfd_site.schema.deploy.assess import Fit
from ncfd_site.schema.deploy.bookkeeping import LogAction
from ncfd_site.schema.deploy.compare import Finding
from ncfd_site.schema.deploy.report import MigrationError
from ncfd_site.schema.deploy.session import Connection

_COMMAND = "manage.py migrate_alembic"
_SHOWN = 5


class State(StrEnum):
    """The state of a database in relation to this code."""

    EMPTY = "empty"
    AT_HEAD = "at head"
    BEHIND = "behind"
    OUT_OF_BAND = "behind, with out-of-band objects of later revisions"
    AHEAD = "ahead of this code"
    MISNAMED = "file name in place of a revision id"
    UNKNOWN = "unknown revision"
    SEVERAL = "several versions"
    EMPTY_VERSION_TABLE = "empty version table"
    WITHOUT_VERSION = "schema without a version"
    PIPELINES_REVISION = "revision of the pipelines' own migrations"
    NOT_ITS_REVISION = "schema differs from its revision"
    FOREIGN = "not an ncfd database"


# A run starts from these; every other state requires manual action.
SAFE = {State.EMPTY, State.AT_HEAD, State.BEHIND, State.OUT_OF_BAND}

# Databases that this code must not change.
NOT_OURS = {State.FOREIGN, State.UNKNOWN, State.AHEAD}

# Relations of schema public, without those of Django, of extensions and of migration itself.
_RELATIONS = f"""
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND c.relname !~ '{OF_DJANGO}' AND c.relname NOT IN ('alembic_version', 'alembic_migration_log')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1
"""

# Every ncfd database has at least one of these.
_OUR_TABLES = {"trials", "companies", "documents", "link_audit"}


@dataclass(frozen=True)
class Diagnosis:
    """The state of a database.

    revision         the current revision, if it is one of this code
    evidence         why a run cannot start, and `remedy` the command that resolves it
    named_revisions  revisions of this code in the version table, by id or by file name
    definitions      the catalog as read
    catalog, fit     the catalog in the spelling of the revisions, and its fit to the revision
                     These three are None without a revision.
    """

    state: State
    revision: str | None
    evidence: str = ""
    remedy: str = ""
    is_version_column_short: bool = False
    named_revisions: tuple[str, ...] = ()
    definitions: Catalog | None = None
    catalog: Catalog | None = None
    fit: Fit | None = None

    @property
    def repairs(self) -> tuple[Finding, ...]:
        """Indexes and constraints that a stopped run left unfinished, or an adoption missing; a run repairs them."""
        if self.fit is None or self.state not in SAFE:
            return ()
        return tuple(each for each in self.fit.missing if each.kind in assess.ADDED_ONLINE)

    @property
    def needs_repair(self) -> bool:
        """True if a run has work to do even at its target."""
        return bool(self.repairs)

    def require_safe(self) -> None:
        """Raise `MigrationError` if manual action is required."""
        if self.state not in SAFE:
            raise MigrationError(f"{self.evidence} {self.remedy}", ExitCode.REFUSED)


def diagnose(connection: Connection, patience: float = retrying.PATIENCE) -> Diagnosis:
    """Return the state of a database; writes nothing. Waits up to `patience` seconds for locked tables."""
    table = bookkeeping.read_version_table(connection)
    diagnosis = _diagnose_version_table(connection, table, patience)
    named = {revisions.MISNAMED.get(row, row) for row in table.rows}
    return replace(
        diagnosis,
        is_version_column_short=table.width is not None and table.width < bookkeeping.WIDTH,
        named_revisions=tuple(revision for revision in revisions.ids() if revision in named),
    )


def _diagnose_version_table(connection: Connection, table: bookkeeping.VersionTable, patience: float) -> Diagnosis:
    unknown = [row for row in table.rows if row not in revisions.ids() and row not in revisions.MISNAMED]
    if unknown and revisions.PIPELINES_IDS.issuperset(unknown):
        return _diagnose_pipelines_revision(connection, unknown, patience)
    if unknown:
        return _diagnose_unknown(connection, unknown[0])
    if len(table.rows) > 1:
        return Diagnosis(
            State.SEVERAL,
            None,
            f"alembic_version holds {len(table.rows)} rows instead of one: {', '.join(table.rows)}. "
            "Nothing was changed.",
            f"To determine the current revision and record it: {_COMMAND} --adopt auto",
        )
    if table.rows and table.rows[0] in revisions.MISNAMED:
        return Diagnosis(
            State.MISNAMED,
            None,
            f"alembic_version holds the file name {table.rows[0]} instead of the revision id "
            f"{revisions.MISNAMED[table.rows[0]]}. Nothing was changed.",
            f"To check the schema and record the id: {_COMMAND} --adopt auto",
        )
    if table.rows:
        return _diagnose_revision(connection, table.rows[0], patience)
    return _diagnose_without_version(connection, table)


def _diagnose_without_version(connection: Connection, table: bookkeeping.VersionTable) -> Diagnosis:
    relations = [row[0] for row in connection.execute(_RELATIONS).fetchall()]
    if not relations:
        return Diagnosis(State.EMPTY, None)
    if not _OUR_TABLES & set(relations):
        some = ", ".join(relations[:3]) + (", …" if len(relations) > 3 else "")
        return Diagnosis(
            State.FOREIGN,
            None,
            "This is not an ncfd database: it has none of the tables trials, companies, documents and link_audit, but "
            f"{format_quantity(len(relations), 'other')} ({some}). Nothing was changed.",
            "Set DATABASE_URL to the ncfd database or to an empty one.",
        )
    return Diagnosis(
        State.EMPTY_VERSION_TABLE if table.exists else State.WITHOUT_VERSION,
        None,
        f"The database has an ncfd schema ({format_quantity(len(relations), 'relation')}), but alembic_version is "
        f"{'empty' if table.exists else 'missing'}, so its revision is unknown. Nothing was changed.",
        f"To determine the current revision and upgrade from it: {_COMMAND} --adopt auto",
    )


def _diagnose_unknown(connection: Connection, version: str) -> Diagnosis:
    head = revisions.head()
    log = bookkeeping.read_log(connection)
    if any(entry.revision == version and entry.action == bookkeeping.LogAction.UP for entry in log):
        return Diagnosis(
            State.AHEAD,
            None,
            f"alembic_version holds {version}, which newer code applied; the newest revision of this code is {head}. "
            "Nothing was changed.",
            f"Deploy the newer code again. To downgrade instead, run with the newer code: {_COMMAND} {head}",
        )
    return Diagnosis(
        State.UNKNOWN,
        None,
        f"alembic_version holds {version}, which is neither a revision of this code (newest: {head}) nor in the log of "
        "migrate_alembic: the database belongs to another line of development. Nothing was changed.",
        "Set DATABASE_URL to the right database or to an empty one, or deploy the code that created this database.",
    )


def _diagnose_pipelines_revision(connection: Connection, versions: list[str], patience: float) -> Diagnosis:
    """Compare with the revision from which the pipelines' migrations continue; only adoption by name writes."""
    base = revisions.LIVE_HEAD
    diagnosis = _diagnose_revision(connection, base, patience)
    fit = diagnosis.fit
    evidence = f"alembic_version holds {', '.join(versions)}: the pipelines' own migrations after {base}. "
    if fit is None or fit.fits:
        evidence += "The schema fits that revision. Nothing was changed."
        remedy = "To take it over, keep every row, and leave the pipelines' own objects alone"
    else:
        differences = compare.omit_parts(fit.wrong)
        shown = "; ".join(finding.description.rstrip(";") for finding in differences[:_SHOWN])
        more = f" and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        evidence += f"The schema differs from that revision: {shown}{more}. Nothing was changed."
        remedy = f"To list all differences: {_COMMAND} --drift. When they are corrected, to take it over"
    return replace(
        diagnosis,
        state=State.PIPELINES_REVISION,
        evidence=evidence,
        remedy=f"{remedy}: {_COMMAND} --adopt {base}",
    )


def _diagnose_revision(connection: Connection, revision: str, patience: float) -> Diagnosis:
    at_head = revision == revisions.head()
    catalogs = expected.read_catalogs([revision] if at_head else revisions.ids())
    definitions = read_definitions(connection, patience)
    catalog = spelling.respell(definitions, catalogs.values())
    fit = assess.assess_fit(catalog, catalogs, revision)
    diagnosis = Diagnosis(
        State.AT_HEAD if at_head else State.BEHIND, revision, definitions=definitions, catalog=catalog, fit=fit
    )
    if not fit.is_clean and not (fit.fits and not fit.overdue_drift and _is_adoption_unfinished(connection)):
        evidence, remedy = _explain_difference(fit, catalog)
        return replace(diagnosis, state=State.NOT_ITS_REVISION, evidence=evidence, remedy=remedy)
    if fit.has_out_of_band_changes and not at_head:
        return replace(diagnosis, state=State.OUT_OF_BAND)
    return diagnosis


def _is_adoption_unfinished(connection: Connection) -> bool:
    """Return whether an adoption, which its operator consented to, stopped before its verification."""
    actions = [entry.action for entry in bookkeeping.read_log(connection)]
    last = {action: index for index, action in enumerate(actions)}
    return last.get(LogAction.ADOPT, -1) > last.get(LogAction.VERIFY, -1)


def _explain_difference(fit: Fit, found: Catalog) -> tuple[str, str]:
    """Return evidence and remedy."""
    findings = compare.omit_parts((*fit.wrong, *fit.missing))
    differences = [
        *(drift.description for drift in fit.overdue_drift),
        *(finding.description.rstrip(";") for finding in findings),
    ]
    more = f" and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    evidence = (
        f"alembic_version holds {fit.revision}, but the schema differs from that revision: "
        f"{'; '.join(differences[:_SHOWN])}{more}. "
    )
    every = expected.read_catalogs(revisions.ids())
    if fit.fits:
        remedy = f"To repair the schema and keep all rows: {_COMMAND} --adopt {fit.revision}"
    elif any(assess.assess_fit(found, every, revision).fits for revision in every):
        evidence += "It fits another revision. "
        remedy = f"To determine that revision and upgrade from it: {_COMMAND} --adopt auto"
    else:
        evidence += "It fits no other revision. "
        remedy = (
            f"To list all differences: {_COMMAND} --drift. "
            f"To print the SQL that repairs them: {_COMMAND} --drift --repair-sql"
        )
    return f"{evidence}Nothing was changed.", remedy


def describe_outdated(fit: Fit) -> str:
    """Return a sentence that lists the outdated definitions."""
    return (
        f"{format_quantity(len(fit.outdated), 'outdated definition')} replaced by {compare.REPLACING_REVISION}: "
        f"{', '.join(fit.outdated)}"
    )
