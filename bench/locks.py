"""Waits of a writer and a reader on large tables while migrate_alembic runs."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg

from bench.measure import Keywords, Row, manage, scratch

ROOT = "20250121_create_studies_table_and_guardrails"
CONTRACT_HEAD = "20250124_add_resolver_system_and_company_securities"

FILL = """
    SET session_replication_role = replica;
    INSERT INTO trials (nct_id, is_pivotal, last_seen_at) VALUES ('NCT00000001', true, now());
    INSERT INTO documents (source_type, storage_uri, sha256) VALUES ('Paper', 'local://x', repeat('0', 64));
    INSERT INTO assets DEFAULT VALUES;
    INSERT INTO link_audit (doc_id, asset_id, link_type, confidence, heuristic_applied, evidence_jsonb)
    SELECT 1, 1, 't', 1, 'HP-' || 1 + n % 4, jsonb_build_object('quote', repeat(md5(n::text), 4))
    FROM generate_series(1, {rows}) n;
    INSERT INTO studies (trial_id, doc_type, year, extracted_jsonb)
    SELECT 1, 'Paper', 2024, jsonb_build_object('primary_endpoints', jsonb_build_array(md5(n::text)), 'results',
        jsonb_build_object('primary', jsonb_build_array(jsonb_build_object('p_value', 0.0001 * (n % 10000)))))
    FROM generate_series(1, {rows}) n;
    RESET session_replication_role;
"""

# Live databases at the head of the contract have another expression for the column.
OLD_P_VALUE = """
    ALTER TABLE studies DROP COLUMN p_value;
    ALTER TABLE studies ADD COLUMN p_value numeric
        GENERATED ALWAYS AS ((extracted_jsonb #>> '{results,primary,0,p_value}')::numeric) STORED;
    CREATE INDEX ix_studies_p_value ON studies (p_value) WHERE p_value IS NOT NULL;
"""

WORK = {
    "link_audit": "UPDATE link_audit SET review_notes = 'x' WHERE audit_id = 1 + floor(random() * 1000)",
    "studies": "UPDATE studies SET notes_md = 'x' WHERE study_id = 1 + floor(random() * 1000)",
}


@dataclass(frozen=True)
class Waits:
    """Longest wait of a writer by table, and duration of the run, in seconds."""

    longest: dict[str, float]
    seconds: float


def writers(keywords: Keywords, seconds: float | None = None, *run: str) -> Waits:
    """Write to each table while a command runs, or for some seconds, and return the waits."""
    stop = threading.Event()

    def work(table: str) -> float:
        longest = 0.0
        with psycopg.connect(**keywords, autocommit=True) as connection:
            while not stop.is_set():
                began = time.perf_counter()
                connection.execute(WORK[table])
                longest = max(longest, time.perf_counter() - began)
                time.sleep(0.005)
        return longest

    with ThreadPoolExecutor(len(WORK)) as pool:
        futures = {table: pool.submit(work, table) for table in WORK}
        began = time.perf_counter()
        try:
            if run:
                manage(keywords, *run)
            else:
                time.sleep(seconds or 0)
        finally:
            stop.set()
        taken = time.perf_counter() - began
        return Waits({table: future.result() for table, future in futures.items()}, taken)


def measure(full: bool) -> Iterator[Row]:
    """Return rows for a run from the root, and from the head of the contract with its outdated definitions."""
    rows = 2_000_000 if full else 100_000
    for start, prepare in ((ROOT, ""), (CONTRACT_HEAD, OLD_P_VALUE)):
        with scratch() as keywords:
            manage(keywords, "migrate_alembic", start)
            with psycopg.connect(**keywords, autocommit=True) as connection:
                connection.execute(FILL.replace("{rows}", str(rows)))
                if prepare:
                    connection.execute(prepare)
                # Vacuum of the inserted rows is not part of the run.
                connection.execute("VACUUM ANALYZE link_audit, studies")
                connection.execute("CHECKPOINT")
            alone = writers(keywords, 5)
            beside = writers(keywords, None, "migrate_alembic", "--allow-rewrite", "studies")
            for table in WORK:
                yield Row(
                    f"longest wait of a writer of {table}, migrate_alembic from {start[:8]}",
                    "with no run",
                    f"{rows:,} rows",
                    f"{beside.longest[table]:.2f} s",
                    f"{alone.longest[table]:.2f} s",
                    beside.longest[table] / alone.longest[table],
                    f"the run took {beside.seconds:.1f} s" + ("; the table is rewritten" if table == "studies" else ""),
                )
