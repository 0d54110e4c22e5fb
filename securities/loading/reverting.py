"""Reverting of a load: the rows that it added are deleted, and those that it changed are as before."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from ncfd_site.config.errors import UserError
from ncfd_site.core import sql
from ncfd_site.ingest.batches import serialize_loads
from securities.loading.aliases import SOURCE as ALIASES_SOURCE
from securities.loading.tickers import RUN_SOURCE

# Tables and their keys, in the order in which rows are deleted.
_TABLES = {
    "securities": "security_id",
    "company_aliases": "alias_id",
    "companies": "company_id",
    "exchanges": "exchange_id",
}
_ADDED = "(metadata ->> 'run')::integer = %(run)s AND NOT metadata ? 'before'"
_CHANGED = "(metadata ->> 'run')::integer = %(run)s AND metadata ? 'before'"
# The latest run of the source that is not reverted; a reverted run has no dates.
LATER_RUN = """
SELECT min(run_id) FROM ingest_runs
WHERE source = %(source)s AND run_id > %(run)s AND finished_at IS NOT NULL AND until_date IS NOT NULL
"""
# Columns that PostgreSQL does not compute.
COLUMNS = """
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
# Foreign keys of one column to a table, as SQL names.
REFERENCES = """
SELECT k.conrelid::regclass::text AS "table", quote_ident(a.attname) AS "column"
FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
WHERE k.contype = 'f' AND k.confrelid = %(table)s::regclass AND k.conparentid = 0 ORDER BY 1, 2
"""
DELETE_SUCCESSIONS = """
DELETE FROM company_relationships r USING ingest_runs run
WHERE run.run_id = %(run)s AND r.rel_type = 'predecessor' AND r.start_date = run.until_date
  AND r.created_at BETWEEN run.started_at AND run.finished_at
"""


class RevertError(UserError):
    """The load cannot be reverted."""


@dataclass(frozen=True, slots=True)
class _Run:
    source: str
    is_finished: bool
    is_reverted: bool
    has_unmarked_rows: bool


@dataclass(frozen=True, slots=True)
class _Reference:
    table: str
    column: str


@transaction.atomic
def revert_load(run_id: int, *, actor: str) -> dict[str, int]:
    """Revert a load of tickers or aliases exactly; return the number of deleted or restored rows of each table.

    Raises RevertError if a later load, other rows or a later change build on it.
    """
    serialize_loads()
    keys: dict[str, Any] = {"run": run_id, "actor": actor}
    found = sql.rows(
        "SELECT source, finished_at IS NOT NULL AS is_finished, until_date IS NULL AS is_reverted, EXISTS ("
        " SELECT FROM securities s WHERE s.metadata ->> 'source' = 'sec' AND NOT s.metadata ? 'run'"
        " AND lower(s.effective_range) = r.until_date) AS has_unmarked_rows FROM ingest_runs r WHERE run_id = %(run)s",
        keys,
        of=_Run,
    )
    if not found or found[0].source not in (RUN_SOURCE, ALIASES_SOURCE):
        raise RevertError(f"Run {run_id} is no load of tickers or aliases. `ingest_runs` lists the runs.")
    (run,) = found
    if not run.is_finished or run.is_reverted:
        raise RevertError(f"Run {run_id} {'is reverted already' if run.is_finished else 'did not finish'}.")
    if run.has_unmarked_rows:
        raise RevertError(f"Run {run_id} is of an older version, which did not keep what it replaced.")
    if run.source == RUN_SOURCE and (later := sql.value(LATER_RUN, {**keys, "source": run.source})):
        raise RevertError(f"Run {later} is later and builds on run {run_id}. Revert it first.")
    _require_unchanged_rows(run_id, keys)
    counts = {"company_relationships": sql.execute(DELETE_SUCCESSIONS, keys)}
    counts["company_securities"] = sql.execute(
        "DELETE FROM company_securities l USING securities s WHERE l.security_id = s.security_id::text"  # noqa: S608
        f" AND l.company_id = s.company_id AND {_ADDED.replace('metadata', 's.metadata')}",
        keys,
    )
    counts["securities"] = _delete_added_rows("securities", keys)
    # Before companies and exchanges are deleted, because restored rows no longer refer to them.
    for table in _TABLES:
        columns = sql.value(COLUMNS, {"table": table})
        counts[table] = counts.get(table, 0) + sql.execute(
            f"UPDATE {table} t SET ({columns}) = (SELECT {columns} FROM jsonb_populate_record(NULL::{table},"  # noqa: S608
            f" t.metadata -> 'before')) WHERE {_CHANGED}",
            keys,
        )
    for table in list(_TABLES)[1:]:
        counts[table] += _delete_added_rows(table, keys)
    sql.execute(
        "UPDATE ingest_runs SET since_date = NULL, until_date = NULL, notes = format('reverted %%s by %%s: %%s',"
        " to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), %(actor)s::text, notes) WHERE run_id = %(run)s",
        keys,
    )
    sql.execute("SELECT refresh_active_us_securities()")
    return counts


def _require_unchanged_rows(run_id: int, keys: dict[str, Any]) -> None:
    for table, name in (("securities", "ticker"), ("companies", "name")):
        changed = sql.column(
            f"SELECT {name} FROM {table} t JOIN ingest_runs r ON r.run_id = %(run)s"  # noqa: S608
            " WHERE (t.metadata ->> 'run')::integer = r.run_id AND t.updated_at > r.finished_at LIMIT 1",
            keys,
        )
        if changed:
            raise RevertError(f"{changed[0]} ({table}) was changed after run {run_id}. Restore a backup instead.")


def _delete_added_rows(table: str, keys: dict[str, Any]) -> int:
    key = _TABLES[table]
    added = sql.column(f"SELECT {key} FROM {table} WHERE {_ADDED}", keys)  # noqa: S608
    _require_no_references(keys["run"], table, added)
    return sql.execute(f"DELETE FROM {table} WHERE {key} = ANY(%s)", [added])  # noqa: S608


def _require_no_references(run_id: int, table: str, added: list[int]) -> None:
    references = sql.rows(REFERENCES, {"table": table}, of=_Reference)
    if table == "securities":
        references.append(_Reference("company_securities", "security_id"))
    for reference in references:
        count = sql.value(
            f"SELECT count(*) FROM {reference.table} WHERE {reference.column}::text = ANY(%s)",  # noqa: S608
            [[str(key) for key in added]],
        )
        if count:
            raise RevertError(
                f"{count:,} rows of {reference.table} refer to {table} that run {run_id} added. Revert or delete"
                " those first."
            )
