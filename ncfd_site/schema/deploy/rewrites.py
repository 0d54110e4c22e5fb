"""Tables that a run rewrites, and the consent to it.

A stored generated column and a change of type rewrite their table, which is locked meanwhile. Above a number of rows
this needs consent by the name of the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.formatting import format_quantity
from ncfd_site.schema import retrying
from ncfd_site.schema.catalog import Catalog
from ncfd_site.schema.deploy import known_drift
from ncfd_site.schema.deploy.compare import normalize_definition
from ncfd_site.schema.deploy.report import MigrationError
from ncfd_site.schema.deploy.session import Connection

# More rows than this need consent.
ROW_LIMIT = 1_000_000

# Speed of rewriting `studies` and its indexes on a small machine: CPU time, measured as `deploy.plan` describes.
ROWS_PER_SECOND = 35_000
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
    """A table that a run rewrites, the reason, and its estimated size."""

    table: str
    why: str
    rows: int
    bytes: int

    @property
    def seconds(self) -> float:
        """The estimated duration of the lock."""
        return max(self.rows / ROWS_PER_SECOND, self.bytes / _BYTES_PER_SECOND)

    @property
    def description(self) -> str:
        """The rewrite as a predicate: "rewrites TABLE …"."""
        duration = "less than a second" if self.seconds < 1 else f"about {self.seconds:,.0f} s"
        return (
            f"rewrites {self.table} ({format_quantity(self.rows, 'row')}, {self.bytes / 2**20:,.1f} MiB)"
            f" because {self.why}; "
            f"it is locked for {duration}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the object in `--plan --json`; its keys are a public contract."""
        return {"table": self.table, "why": self.why, "rows": self.rows, "bytes": self.bytes, "seconds": self.seconds}


def find_rewrites(
    connection: Connection, found: Catalog, wanted: Catalog, patience: float = retrying.PATIENCE
) -> list[Rewrite]:
    """Return the tables of `found` that the revisions up to `wanted` rewrite."""
    reasons = find_reasons(found, wanted)
    return [Rewrite(table, why, *read_size(connection, table, patience)) for table, why in sorted(reasons.items())]


def find_reasons(found: Catalog, wanted: Catalog) -> dict[str, str]:
    """Return why the revisions up to `wanted` rewrite tables of `found`, by table."""
    reasons: dict[str, str] = {}
    for (kind, name), definition in wanted.items():
        table, _, column = name.partition(".")
        if kind != "column" or found.get(("relation", table)) != "table":
            continue
        is_same = normalize_definition(found.get((kind, name), "")) == normalize_definition(definition)
        if "GENERATED" in definition and not is_same:
            reasons[table] = f"its generated column {column} is recomputed"
    for drift in known_drift.recognize_known_drift(found, wanted)[1]:
        if drift.table_rewritten:
            reasons[drift.table_rewritten] = drift.description
    return reasons


def require_consent(rewritten: Sequence[Rewrite], agreed: Sequence[str], limit: int) -> None:
    """Raise `MigrationError` if a table with more rows than `limit` is rewritten without consent."""
    unagreed = [each for each in rewritten if each.rows > limit and each.table not in agreed]
    if unagreed:
        flags = " ".join(f"--allow-rewrite {each.table}" for each in unagreed)
        raise MigrationError(
            "Refused; nothing was changed. The run "
            + "; it ".join(each.description for each in unagreed)
            + f". That is more than {format_quantity(limit, 'row')}. Choose a quiet hour and consent by name: {flags}",
            ExitCode.CONSENT_NEEDED,
        )


def read_size(connection: Connection, table: str, patience: float = retrying.PATIENCE) -> tuple[int, int]:
    """Return rows and bytes of a table; counts the rows if the server has no estimate."""
    row = retrying.retry_while_locked(lambda: connection.execute(_SIZE, [table]).fetchone(), patience)
    estimate, size = row or (0, 0)
    if estimate is None:
        estimate = count_rows(connection, table, patience)
    return int(estimate), int(size)


def count_rows(connection: Connection, table: str, patience: float = retrying.PATIENCE) -> int:
    """Return the exact number of rows of a table of schema public."""
    statement = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", table))
    row = retrying.retry_while_locked(lambda: connection.execute(statement).fetchone(), patience)
    return int(row[0]) if row else 0
