"""Online repairs: missing or unfinished indexes and constraints, and drifted reference counts.

An index is built concurrently. A constraint is added NOT VALID, without a scan, and then validated. Rows that violate
it are listed before anything is written.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import psycopg
from psycopg import sql

from ncfd_site.core.formatting import format_quantity
from ncfd_site.schema import retrying, source
from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy import bookkeeping, compare, session
from ncfd_site.schema.deploy.bookkeeping import LogAction
from ncfd_site.schema.deploy.compare import Finding
from ncfd_site.schema.deploy.report import Progress
from ncfd_site.schema.deploy.session import Connection

# Number of violating rows to list.
_SHOWN = 10

_CHECK = re.compile(r"^CHECK \((?P<condition>.*)\)$", re.DOTALL)
_FOREIGN_KEY = re.compile(r"^FOREIGN KEY \((?P<columns>[^)]+)\) REFERENCES (?P<target>\S+?)\((?P<keys>[^)]+)\)")
_EXCLUSION = re.compile(r"^EXCLUDE USING gist \((?P<parts>.+)\)$")
_UNIQUE = re.compile(r"^(?:UNIQUE|PRIMARY KEY) \((?P<columns>[^)]+)\)$")
_UNIQUE_INDEX = re.compile(r"^CREATE UNIQUE INDEX \S+ ON \S+ USING btree \((?P<columns>[\w\", ]+)\)$")


@dataclass(frozen=True)
class Repair:
    """An index or constraint to add or to finish, and the statements for it, each its own transaction."""

    finding: Finding
    statements: tuple[str, ...]

    @property
    def description(self) -> str:
        """The repair as a sentence."""
        name = f"{self.finding.kind} {self.finding.name}"
        if self.finding.found is None:
            return f"{name} is missing and is added"
        return f"{name} is unfinished and is " + ("rebuilt" if self.finding.kind == "index" else "validated")


@dataclass(frozen=True)
class Violation:
    """Rows that violate a constraint to be added: their number and the first of them."""

    name: str
    definition: str
    rows: int
    shown: tuple[str, ...]

    def __str__(self) -> str:
        more = f" and {self.rows - len(self.shown)} more" if self.rows > len(self.shown) else ""
        verb = "violates" if self.rows == 1 else "violate"
        return (
            f"{format_quantity(self.rows, 'row')} {verb} {self.name}, {self.definition}: {', '.join(self.shown)}{more}"
        )


def plan_repairs(found: Catalog, wanted: Catalog) -> list[Repair]:
    """Return repairs for the indexes and constraints of `wanted` that the tables of `found` lack."""
    return [
        Repair(finding, tuple(list_statements(finding)))
        for finding in sorted(compare.find_differences(found, wanted), key=order)
        if finding.kind in ("index", "constraint")
        and finding.expected is not None
        and (finding.found is None or finding.is_unfinished)
        and ("relation", finding.relation) in found
    ]


def apply_repair(connection: Connection, repair: Repair, progress: Progress) -> None:
    """Run the statements of a repair. Raises `psycopg.Error`; finished statements are kept."""
    for statement in repair.statements:
        if source.is_online(statement):
            session.run_online(connection, statement)
        else:
            # It takes a strong lock for a moment.
            retrying.retry_while_locked(partial(_execute_addition, connection, statement, progress))


def _execute_addition(connection: Connection, statement: str, progress: Progress) -> None:
    with connection.transaction():
        if progress.is_blocked_by_autovacuum:
            connection.execute(session.OUTLAST_AUTOVACUUM)
        connection.execute(statement)


def find_violations(connection: Connection, repairs: Iterable[Repair]) -> list[Violation]:
    """Return the rows that violate the constraints to be added."""
    found: list[Violation] = []
    for repair in repairs:
        if repair.finding.found is None or not repair.finding.found.endswith(" INVALID"):
            found += _find_breaking_rows(connection, repair.finding)
    return found


def order(finding: Finding) -> tuple[int, str]:
    """Return the key to sort by: a key comes before the foreign keys that reference it."""
    # A foreign key needs the key that it references.
    definition = finding.expected or ""
    return (2 if definition.startswith("FOREIGN KEY") else 1 if definition.startswith("CHECK") else 0, finding.name)


def list_statements(finding: Finding) -> Iterable[str]:
    """Yield the statements that add or finish an index or a constraint, each for its own transaction."""
    definition = finding.expected or ""
    if finding.kind == "index":
        yield definition.replace("INDEX ", "INDEX CONCURRENTLY IF NOT EXISTS ", 1)
        return
    table, _, name = finding.name.partition(".")
    alter = f"ALTER TABLE public.{table}"
    if definition.startswith("EXCLUDE"):
        yield f"{source.read_helpers()}\n{source.read_routine('ticker_dates.1')}".rstrip().removesuffix(";")
        return
    if unique := _UNIQUE.match(definition):
        kind = definition.partition(" (")[0]
        yield f"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS {name} ON public.{table} ({unique['columns']})"
        yield f"{alter} ADD CONSTRAINT {name} {kind} USING INDEX {name}"
        return
    if finding.found is None:
        yield f"{alter} ADD CONSTRAINT {name} {definition} NOT VALID"
    yield f"{alter} VALIDATE CONSTRAINT {name}"


def _find_breaking_rows(connection: Connection, finding: Finding) -> list[Violation]:
    condition = _breaking(finding)
    if condition is None:
        return []
    table = sql.Identifier("public", finding.relation)
    where = sql.SQL(condition)
    try:
        with connection.transaction(force_rollback=True):
            row = connection.execute(sql.SQL("SELECT count(*) FROM {} AS t WHERE {}").format(table, where)).fetchone()
            count = int(row[0]) if row else 0
            if not count:
                return []
            key = _key(connection, finding.relation)
            shown = connection.execute(
                sql.SQL("SELECT {} FROM {} AS t WHERE {} ORDER BY 1 LIMIT {}").format(key, table, where, _SHOWN)
            ).fetchall()
    except psycopg.errors.UndefinedColumn:
        # An out-of-band table has another name for it; the revision that renames the column checks the rows.
        return []
    return [Violation(finding.name, finding.expected or "", count, tuple(row[0] for row in shown))]


def _breaking(finding: Finding) -> str | None:
    """Return the SQL condition of violating rows of table t; None if the definition is of another kind."""
    definition = finding.expected or ""
    if check := _CHECK.match(definition):
        return f"NOT ({check['condition']})"
    if key := _FOREIGN_KEY.match(definition):
        ours, theirs = (_split_column_names(key[part]) for part in ("columns", "keys"))
        filled = " AND ".join(f"t.{name} IS NOT NULL" for name in ours)
        same = " AND ".join(f"r.{their} = t.{our}" for our, their in zip(ours, theirs, strict=True))
        return f"{filled} AND NOT EXISTS (SELECT FROM {key['target']} AS r WHERE {same})"
    if exclusion := _EXCLUSION.match(definition):
        pairs = [part.split(" WITH ") for part in exclusion["parts"].split(", ")]
        same = " AND ".join(f"d.{name} {operator} t.{name}" for name, operator in pairs)
        return f"EXISTS (SELECT FROM public.{finding.relation} AS d WHERE {same} AND d.ctid <> t.ctid)"
    if unique := _UNIQUE.match(definition) or _UNIQUE_INDEX.match(definition):
        names = _split_column_names(unique["columns"])
        same = " AND ".join(f"d.{name} = t.{name}" for name in names)
        twins = f"EXISTS (SELECT FROM public.{finding.relation} AS d WHERE {same} AND d.ctid <> t.ctid)"
        if definition.startswith("PRIMARY KEY"):
            return " OR ".join([twins, *(f"t.{name} IS NULL" for name in names)])
        return twins
    return None


def _split_column_names(columns: str) -> list[str]:
    return [name.strip() for name in columns.split(",")]


def _key(connection: Connection, table: str) -> sql.Composable:
    """Return an expression that identifies a row of t: its primary key, else its ctid."""
    rows = connection.execute(
        "SELECT a.attname FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)"
        " WHERE x.indisprimary AND x.indrelid = to_regclass('public.' || quote_ident(%s)) ORDER BY a.attnum",
        [table],
    ).fetchall()
    if not rows:
        return sql.SQL("'row at ' || t.ctid::text")
    parts = [sql.SQL("{} || t.{}::text").format(f"{name} ", sql.Identifier(name)) for (name,) in rows]
    return sql.SQL(" || ' ' || ").join(parts)


# Objects in one transaction: other writers wait for these only.
_BATCH = 1000

_DRIFTED = """
    SELECT o.object_id, o.refcount, coalesce(r.n, 0)::integer
    FROM public.storage_objects o
    LEFT JOIN (SELECT object_id, count(*) AS n FROM public.storage_references GROUP BY 1) r USING (object_id)
    WHERE o.refcount <> coalesce(r.n, 0)
    ORDER BY o.object_id
"""

# The SQL functions lock an object before they change its references, so that this lock freezes them.
_LOCK = "SELECT 1 FROM public.storage_objects WHERE object_id = ANY (%s) ORDER BY object_id FOR NO KEY UPDATE"
_REPAIR = """
    WITH was AS (SELECT object_id, refcount FROM public.storage_objects WHERE object_id = ANY (%s)),
    counted AS (
        SELECT w.object_id, w.refcount,
               (SELECT count(*) FROM public.storage_references r WHERE r.object_id = w.object_id)::integer AS n
        FROM was w
    )
    UPDATE public.storage_objects o SET refcount = c.n
    FROM counted c WHERE o.object_id = c.object_id AND o.refcount <> c.n
    RETURNING o.object_id, c.refcount, c.n
"""


@dataclass(frozen=True)
class RefcountDrift:
    """An object whose reference count differs from the number of its references."""

    object_id: int
    refcount: int
    references: int

    def __str__(self) -> str:
        return f"{self.object_id}: {self.refcount} -> {self.references}"


def find_refcount_drift(connection: Connection) -> list[RefcountDrift]:
    """Return the objects with a wrong reference count; empty before the revision that adds them."""
    exist = connection.execute(
        "SELECT to_regclass('public.storage_objects') IS NOT NULL"
        " AND to_regclass('public.storage_references') IS NOT NULL"
    ).fetchone()
    if exist != (True,):
        return []
    return [RefcountDrift(*row) for row in connection.execute(_DRIFTED).fetchall()]


def repair_refcounts(
    connection: Connection, objects: list[RefcountDrift], revision: str, log: bookkeeping.RunLog
) -> Iterator[RefcountDrift]:
    """Correct and log the counts in batches; yield each change."""
    for start in range(0, len(objects), _BATCH):
        ids = [each.object_id for each in objects[start : start + _BATCH]]
        with connection.transaction():
            log.start_entry()
            connection.execute(_LOCK, [ids])
            changed = [RefcountDrift(*row) for row in connection.execute(_REPAIR, [ids]).fetchall()]
            if changed:
                detail = "refcount of storage_objects: " + ", ".join(
                    map(str, sorted(changed, key=lambda c: c.object_id))
                )
                log.record(connection, revision, LogAction.REPAIR, detail=detail)
        yield from changed
