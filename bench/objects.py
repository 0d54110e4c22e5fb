"""Any number of rows of the content store, with correct counts, inserted without triggers."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connections
from psycopg import sql

from bench.measure import Keywords

# The hash of the decimal digits of a number.
SHA256 = "encode(sha256({}::text::bytea), 'hex')"

_OBJECTS = """
INSERT INTO storage_objects (sha256, storage_uri, backend_type, tier, size_bytes, refcount, created_at, last_accessed)
SELECT {sha256}, 'local://' || {sha256}, 'local', 'local', length(n::text), {references},
       now() - {age}::interval, now() - {age}::interval
FROM generate_series(1, {objects}) n
"""
_REFERENCES = """
INSERT INTO storage_references (object_id, reference_type, referenced_id)
SELECT o.object_id, 'note', o.object_id * {references} + n
FROM storage_objects o, generate_series(1, {references}) n
"""


def fill_store(keywords: Keywords, objects: int, references: int, age: str = "0 days") -> None:
    """Insert numbered objects with `references` references each, last used `age` ago."""
    values = {"objects": sql.Literal(objects), "references": sql.Literal(references), "age": sql.Literal(age)}
    with psycopg.connect(**keywords, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(sql.SQL(_OBJECTS).format(sha256=sql.SQL(SHA256.format("n")), **values))
        connection.execute(sql.SQL(_REFERENCES).format(**values))
        connection.execute("RESET session_replication_role")
        connection.execute("VACUUM ANALYZE storage_objects, storage_references")


def count_drifted_objects(keywords: Keywords) -> int:
    """Return the number of objects whose count differs from their number of references."""
    with psycopg.connect(**keywords) as connection:
        [(number,)] = connection.execute(
            "SELECT count(*) FROM storage_objects o LEFT JOIN"
            " (SELECT object_id, count(*) AS number FROM storage_references GROUP BY 1) r USING (object_id)"
            " WHERE o.refcount <> coalesce(r.number, 0)"
        ).fetchall()
    return int(number)


@contextmanager
def use_database(keywords: Keywords) -> Iterator[None]:
    """Use a database of the same server in this process during the block."""
    settings = connections["default"].settings_dict
    was = settings["NAME"]
    connections.close_all()
    settings["NAME"] = keywords["dbname"]
    try:
        yield
    finally:
        connections.close_all()
        settings["NAME"] = was
