"""Live databases as the contract lists them: built by revisions and SQL, with outdated definitions and rows."""

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from ncfd_site.postgres.embedded import programs
from tests import databases
from tests.databases import Keywords
from tests.migration.test_contract import CONTRACT_HEAD, ROOT_REVISION

LIVE = Path(__file__).parent / "live"
HAND_APPLIED = ["hand_applied_storage", "hand_applied_link_audit", "hand_applied_company_securities"]

# A row of any table, by table and key, as it is compared before and after.
Rows = dict[str, list[dict[str, Any]]]


def apply(keywords: Keywords, *files: str) -> None:
    """Run SQL files out-of-band."""
    with psycopg.connect(**keywords) as connection:
        for file in files:
            connection.execute((LIVE / f"{file}.sql").read_text())


def execute(keywords: Keywords, *statements: str) -> None:
    with psycopg.connect(**keywords) as connection:
        for statement in statements:
            connection.execute(statement)


def at_root(keywords: Keywords) -> None:
    databases.become(keywords, ROOT_REVISION)
    apply(keywords, "outdated_definitions_of_the_root", "rows")


def at_head(keywords: Keywords) -> None:
    databases.become(keywords, CONTRACT_HEAD)
    apply(keywords, "outdated_definitions", "rows", "rows_of_the_head")


def hand_applied(*files: str) -> Callable[[Keywords], None]:
    def build(keywords: Keywords) -> None:
        databases.become(keywords, ROOT_REVISION)
        if "hand_applied_company_securities" not in files:
            apply(keywords, "outdated_definitions_of_the_root")
        apply(keywords, *files, "rows")

    return build


def head_out_of_band(keywords: Keywords) -> None:
    """Build the head of the contract with known drift that its revisions should have repaired."""
    at_head(keywords)
    execute(
        keywords,
        "DROP VIEW v_company_tickers",
        "ALTER TABLE company_securities ALTER COLUMN security_id TYPE integer USING security_id::integer",
        "CREATE VIEW v_company_tickers AS SELECT cs.company_id, s.ticker, cs.security_id"
        " FROM company_securities cs JOIN securities s USING (security_id)",
        "ALTER TABLE storage_references RENAME COLUMN reference_id TO ref_id",
        "ALTER TABLE storage_references RENAME COLUMN referenced_id TO reference_id",
        "ALTER TABLE staging_errors RENAME COLUMN id TO error_id",
        "DROP INDEX ix_link_audit_doc",
        "DROP INDEX ix_scores_run_id",
        "ALTER TABLE scores DROP CONSTRAINT ck_scores_p_fail_range",
        "ALTER TABLE gates DROP CONSTRAINT gates_trial_id_fkey",
        "UPDATE storage_objects SET refcount = refcount + 3",
    )


def with_version(build: Callable[[Keywords], None], *statements: str) -> Callable[[Keywords], None]:
    """Return a state with an altered version table."""

    def tampered(keywords: Keywords) -> None:
        build(keywords)
        execute(keywords, *statements)

    return tampered


def dump_and_restore(keywords: Keywords) -> None:
    """Put the restored dump of a database in its place."""
    url = make_conninfo(**keywords)
    dump = subprocess.run([programs.find_program("pg_dump"), url], capture_output=True, check=True).stdout
    databases.clone(keywords, "template1", keywords["dbname"])
    # An older server does not know each setting of the dump.
    subprocess.run([programs.find_program("psql"), "-X", "-q", url], input=dump, capture_output=True, check=True)


@dataclass(frozen=True)
class State:
    """A state: its builder, and whether it needs --adopt."""

    build: Callable[[Keywords], None]
    adopted: bool = False


def _set(version: str) -> str:
    return f"UPDATE alembic_version SET version_num = '{version}'"


_DROP, _EMPTY = "DROP TABLE alembic_version", "DELETE FROM alembic_version"
_NARROW = "ALTER TABLE alembic_version ALTER version_num TYPE varchar(64)"

STATES: Mapping[str, State] = {
    "1 empty": State(lambda keywords: None),
    "2 at the root": State(at_root),
    **{f"3 root and {file}": State(hand_applied(file)) for file in HAND_APPLIED},
    "3 root and all out-of-band": State(hand_applied(*HAND_APPLIED)),
    "3 root and the head out-of-band": State(with_version(at_head, _set(ROOT_REVISION))),
    "4 at the head": State(at_head),
    "5 root without version": State(with_version(at_root, _DROP), adopted=True),
    "5 root out-of-band without version": State(with_version(hand_applied(*HAND_APPLIED), _DROP), adopted=True),
    "5 head without version": State(with_version(at_head, _DROP), adopted=True),
    "5 head, empty version": State(with_version(at_head, _EMPTY), adopted=True),
    "5 head out-of-band without version": State(with_version(head_out_of_band, _DROP), adopted=True),
    "head out-of-band, stamped": State(head_out_of_band, adopted=True),
    "6 name of file 3": State(with_version(at_head, _set("20250122_add_storage_reference_counting")), adopted=True),
    "6 name of file 4": State(with_version(at_head, _set("20250123_add_p_value_generated_column")), adopted=True),
    "6 name of file 7": State(with_version(at_head, _set("20250124_create_signals_gates_scores_tables")), adopted=True),
    "6 two rows": State(with_version(at_head, f"INSERT INTO alembic_version VALUES ('{ROOT_REVISION}')"), adopted=True),
    "7 short column": State(with_version(at_head, _NARROW)),
    "7 short column of 32, no row": State(
        with_version(at_head, _EMPTY, "ALTER TABLE alembic_version ALTER version_num TYPE varchar(32)"), adopted=True
    ),
}

# Names of the columns of the same row.
_RENAMED = {
    "storage_references": [("ref_id", "reference_id"), ("reference_id", "referenced_id")],
    "staging_errors": [("error_id", "id")],
}
# Columns derived from others.
_DERIVED = {("studies", "p_value"), ("storage_objects", "refcount")}
# The worker of a job and its state: a revision queues the running jobs and turns the lease into a task.
_OF_WORKERS = {("site_jobs", "lease_until"), ("site_jobs", "task_id"), ("site_jobs", "state")}


def rows(keywords: Keywords) -> Rows:
    """Return every row of every table, with the names and types of columns at head."""
    with psycopg.connect(**keywords) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
            " AND relname NOT IN ('alembic_version', 'alembic_migration_log')"
        ).fetchall()
        return {
            table: sorted(
                (_as_at_head(table, row) for (row,) in connection.execute(f"SELECT to_jsonb(t) FROM {table} t")),
                key=str,
            )
            for (table,) in tables
        }


def _as_at_head(table: str, row: dict[str, Any]) -> dict[str, Any]:
    hand_made = [(old, new) for old, new in _RENAMED.get(table, []) if old in row]
    if table == "storage_references" and "ref_id" not in row:
        hand_made = []
    names = dict(hand_made)
    return {
        names.get(name, name): str(value) if (table, name) == ("company_securities", "security_id") else value
        for name, value in row.items()
        if (table, name) not in _DERIVED | _OF_WORKERS
    }


def kept(before: Rows, after: Rows) -> list[str]:
    """Return the rows of `before` that `after` lacks or changes; new columns are empty."""
    lost: list[str] = []
    for table, old in before.items():
        new = after.get(table, [])
        columns = set(old[0]) if old else set()
        now = [{name: value for name, value in row.items() if name in columns} for row in new]
        lost += [f"{table}: {row}" for row in old if row not in now]
        if len(now) != len(old):
            lost.append(f"{table}: {len(old)} rows before, {len(now)} after")
    return lost
