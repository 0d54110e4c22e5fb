"""Estimates of `migrate_alembic --plan`: index builds, validations and rewrites, in seconds for a million rows."""

from collections.abc import Iterator

import psutil
import psycopg

from bench.locks import CONTRACT_HEAD, FILL, OLD_P_VALUE
from bench.measure import Row, manage, scratch
from ncfd_site.schema import source
from ncfd_site.schema.deploy import plan, rewrites
from ncfd_site.schema.deploy.session import read_backend_pid

# Columns and values are of the usual width.
_STATEMENTS = {
    "index of two columns": (
        "link_audit",
        "CREATE INDEX CONCURRENTLY mine ON link_audit (heuristic_applied, audit_id)",
        plan.SECONDS_PER_ROW["INDEX"],
    ),
    "index of words": (
        "studies",
        "CREATE INDEX CONCURRENTLY mine_words ON studies USING gin (to_tsvector('simple', extracted_jsonb::text))",
        plan.SECONDS_PER_ROW["USING gin"],
    ),
    "validation of a CHECK": (
        "link_audit",
        "ALTER TABLE link_audit VALIDATE CONSTRAINT mine",
        plan.SECONDS_PER_ROW["VALIDATE"],
    ),
    "validation of a foreign key": (
        "link_audit",
        "ALTER TABLE link_audit VALIDATE CONSTRAINT mine_key",
        plan.SECONDS_PER_ROW["VALIDATE"],
    ),
    "rewrite with its indexes": ("studies", source.read_routine("p_value_column.1"), 1 / rewrites.ROWS_PER_SECOND),
}
_PREPARE = """
    SET max_parallel_maintenance_workers = 0;
    ALTER TABLE link_audit ADD CONSTRAINT mine CHECK (confidence >= 0) NOT VALID,
        ADD CONSTRAINT mine_key FOREIGN KEY (asset_id) REFERENCES assets NOT VALID;
"""


def measure(full: bool) -> Iterator[Row]:
    """Return the CPU time of the server process for a million rows, beside the estimate."""
    rows = 1_000_000 if full else 100_000
    with scratch() as keywords:
        manage(keywords, "migrate_alembic", CONTRACT_HEAD)
        with psycopg.connect(**keywords, autocommit=True) as connection:
            connection.execute(f"{FILL.replace('{rows}', str(rows))} {OLD_P_VALUE} {_PREPARE}".encode())
            connection.execute("VACUUM ANALYZE link_audit, studies")
            process = psutil.Process(read_backend_pid(connection))
            for what, (table, statement, estimate) in _STATEMENTS.items():
                before = process.cpu_times()
                if "pg_temp" in statement:
                    with connection.transaction():
                        connection.execute(source.read_helpers().encode())
                        connection.execute(statement.partition("CREATE INDEX CONCURRENTLY")[0].encode())
                else:
                    connection.execute(statement.encode())
                after = process.cpu_times()
                seconds = (after.user + after.system - before.user - before.system) / rows * 1e6
                estimated = estimate * 1e6
                yield Row(
                    what, "estimate of --plan", f"{rows:,} rows of {table}", f"{seconds:.2f} s",
                    f"{estimated:.2f} s", seconds / estimated,
                )  # fmt: skip
