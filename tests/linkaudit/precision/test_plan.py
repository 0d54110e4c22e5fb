"""On both servers, precision is read only from its index while the table is vacuumed."""

import psycopg
import pytest
from psycopg import sql

from tests.databases import Keywords

CALLS = {
    "all time": "SELECT * FROM get_heuristic_precision('HP-3')",
    "a window": "SELECT * FROM get_heuristic_precision('HP-3', '2025-02-01', '2025-03-03')",
    "a list": "SELECT p.* FROM unnest(ARRAY['HP-3']) n(name) CROSS JOIN LATERAL get_heuristic_precision(n.name) p",
}


@pytest.mark.parametrize("call", CALLS)
def test_only_the_index_is_read(head_database: Keywords, call: str) -> None:
    with psycopg.connect(**head_database, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO link_audit (doc_id, asset_id, link_type, confidence, heuristic_applied, label, created_at)"
            " SELECT 1, 1, 'x', 1, 'HP-' || n % 20, n % 7 > 0, timestamptz '2025-01-01Z' + n * interval '25 minutes'"
            " FROM generate_series(1, 20000) n"
        )
        connection.execute("VACUUM ANALYZE link_audit")
        plan = connection.execute(sql.SQL("EXPLAIN (ANALYZE) {}").format(sql.SQL(CALLS[call]))).fetchall()
    lines = "\n".join(line for (line,) in plan)
    assert "Index Only Scan using ix_link_audit_precision" in lines
    assert "Heap Fetches: 0" in lines
