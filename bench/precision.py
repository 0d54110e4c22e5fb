"""Cost of `get_heuristic_precision` compared with an aggregate over an index on heuristics; proof that it is exact."""

import random
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg

from bench.measure import Keywords, Row, manage, scratch, seconds

LINKS, FULL_LINKS = 200_000, 5_000_000
HEURISTICS, DAYS = 20, 365
WINDOWS, AT_ONCE = 300, 30
LABELERS = 2
TURNS = 5

# The links of all heuristics are interleaved.
_FILL = """
    SET session_replication_role = replica;
    INSERT INTO documents (source_type, storage_uri, sha256) VALUES ('Paper', 'local://x', repeat('0', 64));
    INSERT INTO assets DEFAULT VALUES;
    INSERT INTO link_audit (doc_id, asset_id, nct_id, link_type, confidence, heuristic_applied, label, evidence_jsonb,
                            created_at)
    SELECT 1, 1, 'NCT' || lpad(n::text, 8, '0'), 'intervention_of_trial', 0.9,
           'HP-' || 1 + floor(random() * {heuristics}), CASE WHEN random() < 0.85 THEN random() < 0.95 END,
           jsonb_build_object('quote', md5(n::text)),
           timestamptz '2025-01-01 00:00Z' + n * (interval '{days} days' / {links})
    FROM generate_series(1, {links}) n;
    RESET session_replication_role;
"""
_OURS = "SELECT * FROM get_heuristic_precision(%(heuristic)s, %(start)s, %(end)s)"
_PLAIN = """
    SELECT count(*), count(label), count(*) FILTER (WHERE label), count(*) FILTER (WHERE NOT label) FROM link_audit
    WHERE heuristic_applied = %(heuristic)s
"""
_PLAIN_WINDOW = f"{_PLAIN} AND created_at BETWEEN %(start)s AND %(end)s"
# No index can answer this: it reads the rows of the table.
_BRUTE = """
    SELECT w.number, count(*), count(label), count(*) FILTER (WHERE label), count(*) FILTER (WHERE NOT label)
    FROM unnest(%s::int[], %s::text[], %s::timestamptz[], %s::timestamptz[]) w(number, heuristic, first, last)
    JOIN link_audit a ON a.heuristic_applied || '' = w.heuristic AND a.created_at BETWEEN w.first AND w.last
    GROUP BY w.number
"""
_WINDOWS = """
    SELECT p.total_links, p.reviewed_links, p.correct_links, p.incorrect_links
    FROM get_heuristic_precision(%s, %s, %s) p
"""
_LABEL = "UPDATE link_audit SET label = random() < 0.9 WHERE audit_id = %s"


def measure(full: bool) -> Iterator[Row]:
    """Return rows for all time, for 30 days, and for random windows during concurrent labeling."""
    links = FULL_LINKS if full else LINKS
    with scratch() as keywords:
        manage(keywords, "migrate_alembic")
        with psycopg.connect(**keywords, autocommit=True) as connection:
            connection.execute(_FILL.format(heuristics=HEURISTICS, days=DAYS, links=links).encode())
            connection.execute("VACUUM ANALYZE link_audit")
            connection.execute("SET max_parallel_workers_per_gather = 0")
            yield _row(connection, links, "all time", _PLAIN, 15)
            yield _row(connection, links, "30 days", _PLAIN_WINDOW, 100)
        _require_exact(keywords, links)


def _row(connection: psycopg.Connection[Any], links: int, span: str, plain: str, goal: int) -> Row:
    values = [_values(connection, number, span) for number in range(1, 6)]
    _require_index_only(connection, values[0])

    def run(statement: str) -> None:
        for each in values:
            connection.execute(statement.encode(), each).fetchall()

    turns = []
    # Alternately, so that other load on the machine affects both.
    for _ in range(TURNS):
        ours = seconds(lambda: run(_OURS), repeat=3) / len(values)
        with connection.transaction(force_rollback=True):
            connection.execute("DROP INDEX ix_link_audit_precision")
            turns.append((ours, seconds(lambda: run(plain), repeat=1) / len(values)))
    return Row(
        f"get_heuristic_precision, {span}",
        "plain aggregate, index on the heuristic alone",
        f"{links:,} links, {HEURISTICS} heuristics",
        f"{statistics.median(ours for ours, _ in turns) * 1000:.2f} ms",
        f"{statistics.median(base for _, base in turns) * 1000:.2f} ms",
        statistics.median(base / ours for ours, base in turns),
        f"times faster; goal at 5,000,000: at least {goal}; vacuumed, no parallel worker",
    )


def _values(connection: psycopg.Connection[Any], number: int, span: str) -> dict[str, Any]:
    heuristic = f"HP-{number}"
    if span == "all time":
        return {"heuristic": heuristic, "start": None, "end": None}
    row = connection.execute("SELECT timestamptz '2025-01-01 07:13Z' + %s * interval '41 days'", [number]).fetchone()
    first = row[0] if row else None
    return {"heuristic": heuristic, "start": first, "end": first and first + timedelta(days=30)}


def _require_index_only(connection: psycopg.Connection[Any], values: dict[str, Any]) -> None:
    plan = connection.execute(f"EXPLAIN (ANALYZE, FORMAT text) {_OURS}".encode(), values).fetchall()
    lines = "\n".join(line for (line,) in plan)
    if "Index Only Scan using ix_link_audit_precision" not in lines or "Heap Fetches: 0" not in lines:
        raise SystemExit(f"The precision is not read from its index alone:\n{lines}")


def _require_exact(keywords: Keywords, links: int) -> None:
    chance = random.Random(7)  # noqa: S311 (the same windows in every run)
    with _label_links(keywords, links) as label_counts, psycopg.connect(**keywords) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for _ in range(WINDOWS // AT_ONCE):
            with connection.transaction():
                windows = [_window(connection, chance, links) for _ in range(AT_ONCE)]
                brute = {
                    number: counts
                    for number, *counts in connection.execute(
                        _BRUTE, [list(range(AT_ONCE)), *map(list, zip(*windows, strict=True))]
                    ).fetchall()
                }
                for number, window in enumerate(windows):
                    row = connection.execute(_WINDOWS, window).fetchone()
                    if list(row or ()) != brute.get(number, []):
                        raise SystemExit(f"{window}: {row} by the function, {brute.get(number)} by count of the rows.")
    if not sum(label_counts):
        raise SystemExit("No label was written during the count of the windows. Run again.")


def _window(connection: psycopg.Connection[Any], chance: random.Random, links: int) -> tuple[str, Any, Any]:
    # From the time of one link to that of another: both ends of the window are times of rows.
    moments = connection.execute(
        "SELECT created_at FROM link_audit WHERE audit_id = ANY (%s) ORDER BY 1",
        [[chance.randint(1, links) for _ in range(2)]],
    ).fetchall()
    return f"HP-{chance.randint(1, HEURISTICS)}", moments[0][0], moments[-1][0]


@contextmanager
def _label_links(keywords: Keywords, links: int) -> Iterator[list[int]]:
    stop = threading.Event()
    label_counts = [0] * LABELERS

    def work(number: int) -> None:
        chance = random.Random(number)  # noqa: S311 (any links will do)
        with psycopg.connect(**keywords, autocommit=True) as connection:
            while not stop.is_set():
                connection.execute(_LABEL, [chance.randint(1, links)])
                label_counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(LABELERS)]
    for thread in threads:
        thread.start()
    try:
        yield label_counts
    finally:
        stop.set()
        for thread in threads:
            thread.join()
