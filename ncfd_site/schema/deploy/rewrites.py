"""What a run costs those who work with the database: tables that are rewritten, and for how long they are locked.

A stored generated column and a change of type rewrite their table, and nobody reads or writes it meanwhile. It cannot
be avoided, so it is told, and above a number of rows it needs consent by the name of the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from ncfd_site.config.errors import ExitCode
from ncfd_site.schema import retrying
from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy import known_drift
from ncfd_site.schema.deploy.compare import normalize_definition
from ncfd_site.schema.deploy.report import MigrationError
from ncfd_site.schema.deploy.session import Connection

# From how many rows on a rewrite needs consent.
ROW_LIMIT = 1_000_000

# How fast the server of a small machine rewrites `studies` (docs/deploy.md tells how it was measured); another one may
# be faster.
_ROWS_PER_SECOND = 40_000
_BYTES_PER_SECOND = 12 * 2**20

_SIZE = """
    SELECT CASE WHEN c.relpages > 0 AND c.reltuples >= 0
                THEN (c.reltuples / c.relpages
                      * pg_relation_size(c.oid) / current_setting('block_size')::integer)::bigint
           END,
           pg_table_size(c.oid)
    FROM pg_class c WHERE c.oid = to_regclass('public.' || quote_ident(%s))
"""


@dataclass(frozen=True)
class Rewrite:
    """A table that a run rewrites, why, and about how much that is."""

    table: str
    why: str
    rows: int
    bytes: int

    @property
    def seconds(self) -> float:
        """About how long nobody can read or write it."""
        return max(self.rows / _ROWS_PER_SECOND, self.bytes / _BYTES_PER_SECOND)

    @property
    def description(self) -> str:
        """What happens, in words."""
        took = "less than a second" if self.seconds < 1 else f"about {self.seconds:,.0f} s"
        return (
            f"rewrites {self.table} ({self.rows:,} rows, {self.bytes / 2**20:,.1f} MiB) because {self.why}: "
            f"{took} in which nobody reads or writes it"
        )

    def as_json(self) -> dict[str, Any]:
        """The contract of `--plan --json`."""
        return {"table": self.table, "why": self.why, "rows": self.rows, "bytes": self.bytes, "seconds": self.seconds}


def find_rewrites(
    connection: Connection, found: Catalog, wanted: Catalog, patience: float = retrying.PATIENCE
) -> list[Rewrite]:
    """The tables of `found` that are rewritten on the way to `wanted`."""
    reasons: dict[str, str] = {}
    for (kind, name), definition in wanted.items():
        table, _, column = name.partition(".")
        if kind != "column" or found.get(("relation", table)) != "table":
            continue
        is_same = normalize_definition(found.get((kind, name), "")) == normalize_definition(definition)
        if "GENERATED" in definition and not is_same:
            reasons[table] = f"the stored column {column} is computed anew"
    for variant in known_drift.recognize_known_drift(found, wanted)[1]:
        if variant.table_rewritten:
            reasons[variant.table_rewritten] = variant.description
    return [Rewrite(table, why, *_size(connection, table, patience)) for table, why in sorted(reasons.items())]


def require_consent(rewritten: Sequence[Rewrite], agreed: Sequence[str], limit: int) -> None:
    """Raise `MigrationError` where a big table would be rewritten and nobody agreed to it by its name."""
    unagreed = [each for each in rewritten if each.rows > limit and each.table not in agreed]
    if unagreed:
        flags = " ".join(f"--allow-rewrite {each.table}" for each in unagreed)
        raise MigrationError(
            "Refused, nothing was changed: the run "
            + "; it ".join(each.description for each in unagreed)
            + f". That is more than {limit:,} rows: choose a quiet hour, and agree by name: {flags}",
            ExitCode.CONSENT_NEEDED,
        )


def _size(connection: Connection, table: str, patience: float) -> tuple[int, int]:
    """Rows and bytes of a table; the rows are counted where the server has no estimate."""
    row = retrying.retry_while_locked(lambda: connection.execute(_SIZE, [table]).fetchone(), patience)
    estimate, size = row or (0, 0)
    if estimate is None:
        estimate = count_rows(connection, table, patience)
    return int(estimate), int(size)


def count_rows(connection: Connection, table: str, patience: float = retrying.PATIENCE) -> int:
    """How many rows a table of public has, exactly."""
    statement = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", table))
    row = retrying.retry_while_locked(lambda: connection.execute(statement).fetchone(), patience)
    return int(row[0]) if row else 0
