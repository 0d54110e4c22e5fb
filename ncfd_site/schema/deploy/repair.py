"""What a schema lacks and can be given while others work with it: indexes, and constraints that its rows keep.

An index is built concurrently. A constraint is added NOT VALID, which takes no look at the rows, and then validated,
which lets others work. Rows that break it are listed before anything is written.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import psycopg
from psycopg import sql

from ncfd_site.schema import retrying, source
from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy import compare, online
from ncfd_site.schema.deploy.compare import Finding
from ncfd_site.schema.deploy.session import Connection

# How many of the rows that break a constraint are shown.
_SHOWN = 10

_CHECK = re.compile(r"^CHECK \((?P<condition>.*)\)$", re.DOTALL)
_FOREIGN_KEY = re.compile(r"^FOREIGN KEY \((?P<columns>[^)]+)\) REFERENCES (?P<target>\S+?)\((?P<keys>[^)]+)\)")
_UNIQUE = re.compile(r"^(?:UNIQUE|PRIMARY KEY) \((?P<columns>[^)]+)\)$")
_UNIQUE_INDEX = re.compile(r"^CREATE UNIQUE INDEX \S+ ON \S+ USING btree \((?P<columns>[\w\", ]+)\)$")


@dataclass(frozen=True)
class Mend:
    """One object to add or to finish: what it is, and the statements, each to be run on its own."""

    finding: Finding
    statements: tuple[str, ...]

    @property
    def words(self) -> str:
        """What is done, in words."""
        what = f"{self.finding.kind} {self.finding.name}"
        if self.finding.found is None:
            return f"{what} is missing and is added"
        return f"{what} was left unfinished and is " + ("rebuilt" if self.finding.kind == "index" else "validated")


@dataclass(frozen=True)
class Offence:
    """Rows that break a constraint that is to be added: how many, and the first of them."""

    name: str
    definition: str
    rows: int
    shown: tuple[str, ...]

    def __str__(self) -> str:
        more = f" and {self.rows - len(self.shown)} more" if self.rows > len(self.shown) else ""
        return f"{self.rows} rows break {self.name}, {self.definition}: {', '.join(self.shown)}{more}"


def needed(found: Catalog, wanted: Catalog, *, exact: bool) -> list[Mend]:
    """What the tables of `found` lack of the indexes and constraints that `wanted` has for them."""
    return [
        Mend(finding, tuple(_statements(finding)))
        for finding in sorted(compare.findings(found, wanted, exact=exact), key=_order)
        if finding.kind in ("index", "constraint")
        and finding.expected is not None
        and (finding.found is None or finding.is_unfinished)
        and ("relation", finding.relation) in found
    ]


def apply(connection: Connection, mend: Mend) -> None:
    """Make a mend, each statement on its own. Raises `psycopg.Error`; what is done by then stays, and is right."""
    for statement in mend.statements:
        if source.is_online(statement):
            online.run(connection, statement)
        else:
            # It takes a strong lock, for a moment: others shall not queue up behind it.
            retrying.until_unlocked(partial(connection.execute, statement))


def offences(connection: Connection, mends: Iterable[Mend]) -> list[Offence]:
    """The rows that break what is to be added, looked for where the columns are there by their names."""
    found: list[Offence] = []
    for mend in mends:
        if mend.finding.found is None or not mend.finding.found.endswith(" INVALID"):
            found += _offence(connection, mend.finding)
    return found


def _order(finding: Finding) -> tuple[int, str]:
    # What a foreign key refers to needs its key first.
    definition = finding.expected or ""
    return (2 if definition.startswith("FOREIGN KEY") else 1 if definition.startswith("CHECK") else 0, finding.name)


def _statements(finding: Finding) -> Iterable[str]:
    definition = finding.expected or ""
    if finding.kind == "index":
        yield definition.replace("INDEX ", "INDEX CONCURRENTLY IF NOT EXISTS ", 1)
        return
    table, _, name = finding.name.partition(".")
    alter = f"ALTER TABLE public.{table}"
    if unique := _UNIQUE.match(definition):
        kind = definition.partition(" (")[0]
        yield f"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS {name} ON public.{table} ({unique['columns']})"
        yield f"{alter} ADD CONSTRAINT {name} {kind} USING INDEX {name}"
        return
    if finding.found is None:
        yield f"{alter} ADD CONSTRAINT {name} {definition} NOT VALID"
    yield f"{alter} VALIDATE CONSTRAINT {name}"


def _offence(connection: Connection, finding: Finding) -> list[Offence]:
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
        # A table made by hand names it otherwise: the revision that renames it checks the rows as well.
        return []
    return [Offence(finding.name, finding.expected or "", count, tuple(row[0] for row in shown))]


def _breaking(finding: Finding) -> str | None:
    """The condition of the rows, called t, that break a constraint or a unique index; None where it is not told."""
    definition = finding.expected or ""
    if check := _CHECK.match(definition):
        return f"NOT ({check['condition']})"
    if key := _FOREIGN_KEY.match(definition):
        ours, theirs = (_names(key[part]) for part in ("columns", "keys"))
        filled = " AND ".join(f"t.{name} IS NOT NULL" for name in ours)
        same = " AND ".join(f"r.{their} = t.{our}" for our, their in zip(ours, theirs, strict=True))
        return f"{filled} AND NOT EXISTS (SELECT FROM {key['target']} AS r WHERE {same})"
    if unique := _UNIQUE.match(definition) or _UNIQUE_INDEX.match(definition):
        names = _names(unique["columns"])
        same = " AND ".join(f"d.{name} = t.{name}" for name in names)
        twins = f"EXISTS (SELECT FROM public.{finding.relation} AS d WHERE {same} AND d.ctid <> t.ctid)"
        if definition.startswith("PRIMARY KEY"):
            return " OR ".join([twins, *(f"t.{name} IS NULL" for name in names)])
        return twins
    return None


def _names(columns: str) -> list[str]:
    return [name.strip() for name in columns.split(",")]


def _key(connection: Connection, table: str) -> sql.Composable:
    """An expression that names a row of t: its primary key, else its place."""
    rows = connection.execute(
        "SELECT a.attname FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)"
        " WHERE x.indisprimary AND x.indrelid = to_regclass('public.' || quote_ident(%s)) ORDER BY a.attnum",
        [table],
    ).fetchall()
    if not rows:
        return sql.SQL("'row at ' || t.ctid::text")
    parts = [sql.SQL("{} || t.{}::text").format(f"{name} ", sql.Identifier(name)) for (name,) in rows]
    return sql.SQL(" || ' ' || ").join(parts)
