"""Rows of a table as text, from PostgreSQL and from a Parquet file that DuckDB reads: equal if nothing is lost."""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from psycopg import sql

from tests.sql import Database

Rows = Counter[tuple[object, ...]]
_FLOATS = {"DOUBLE", "FLOAT"}
_FLOAT_NAMES = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def read_database(db: Database, table: str) -> Rows:
    """Count the rows of a table of schema public; PostgreSQL writes its values as text."""
    kinds = db.execute(
        """SELECT a.attname, CASE
                  WHEN t.typcategory = 'A' AND e.typtype <> 'r' THEN 'list' WHEN t.typtype = 'r' THEN 'range'
                  WHEN t.typname IN ('float4', 'float8') THEN 'float' WHEN t.typname = 'bytea' THEN 'bytes' END
           FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type e ON e.oid = t.typelem
           WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum""",
        [sql.Identifier("public", table).as_string(db)],
    ).fetchall()
    expressions = [sql.SQL(_EXPRESSIONS[kind]).format(sql.Identifier(name)) for name, kind in kinds]
    select = sql.SQL("SELECT {} FROM ONLY {}").format(sql.SQL(", ").join(expressions), sql.Identifier("public", table))
    with db.cursor() as cursor:
        cursor.execute("SET LOCAL extra_float_digits = 1; SET LOCAL datestyle = 'ISO'; SET LOCAL timezone = 'UTC'")
        return Counter(
            tuple(_decode(value, kind) for value, (_, kind) in zip(row, kinds, strict=True))
            for row in cursor.execute(select)
        )


_EXPRESSIONS: dict[str | None, Any] = {
    None: "{}::text",
    "float": "{}::text",
    "bytes": "encode({}, 'hex')",
    # Dimensions other than one from 1 on are text.
    "list": """CASE WHEN array_ndims({0}) > 1 OR array_lower({0}, 1) <> 1 THEN {0}::text
               -- No decimal type has NaN.
               WHEN pg_typeof({0}) = 'numeric[]'::regtype AND 'NaN' = ANY({0}::text[]) THEN {0}::text
               WHEN {0} IS NOT NULL THEN coalesce((SELECT json_agg(e::text ORDER BY o) FROM unnest({0})
               WITH ORDINALITY AS u(e, o)), '[]')::text END""",
    # The year is beyond 64 bits of microseconds.
    "range": """CASE WHEN upper({0})::text LIKE '294276%' THEN {0}::text
                WHEN {0} IS NOT NULL THEN json_build_array(lower({0})::text, upper({0})::text, lower_inc({0}),
                upper_inc({0}), isempty({0}))::text END""",
}


def _decode(value: Any, kind: str | None) -> object:
    if value is None or kind in (None, "bytes"):
        return value
    if kind == "float":
        return repr(float(value))
    return repr(json.loads(value)) if value.startswith("[") and not value.startswith("[0:") else value


def read_file(path: Path) -> Rows:
    """Count the rows of a file as `read_database` does: values beside their column as if they were in it."""
    with _connect().cursor() as connection:
        connection.execute("SET timezone = 'UTC'")
        source = f"read_parquet('{path}')"
        types = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE FROM {source}").fetchall()}
        texts = {name for name in types if name.endswith("__text")}
        names = [name for name in types if name not in texts]
        selected = [_select(name, types[name]) for name in names]
        selected += [f'"{name}__text"' if f"{name}__text" in texts else "NULL" for name in names]
        rows = connection.execute(f"SELECT {', '.join(selected)} FROM {source}").fetchall()
    return Counter(
        tuple(
            _render(value, types[name]) if value is not None else text
            for name, value, text in zip(names, row[: len(names)], row[len(names) :], strict=True)
        )
        for row in rows
    )


@cache
def _connect() -> duckdb.DuckDBPyConnection:
    # One thread: the files are small, and opening a database takes longer than reading them.
    return duckdb.connect(config={"threads": 1})


def _select(name: str, kind: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    if kind.startswith("STRUCT"):
        parts = (f"CAST({quoted}.{part} AS VARCHAR)" for part in ("lower", "upper", "lower_inc", "upper_inc", "empty"))
        return f"CASE WHEN {quoted} IS NOT NULL THEN [{', '.join(parts)}] END"
    if kind.endswith("[]"):
        return f"CAST({quoted} AS VARCHAR[])"
    return quoted if kind == "BLOB" else f"CAST({quoted} AS VARCHAR)"


def _render(value: Any, kind: str) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if kind in _FLOATS:
        return repr(float(value))
    if kind.startswith("DECIMAL(") and isinstance(value, str):
        # DuckDB leaves out a zero before the point.
        return re.sub(r"^(-?)\.", r"\g<1>0.", value)
    if kind.startswith("STRUCT"):
        return repr([*map(_put_era_last, value[:2]), *(flag == "true" for flag in value[2:])])
    if isinstance(value, list):
        return repr([_FLOAT_NAMES.get(item, _put_era_last(item)) for item in value])
    return _put_era_last(value) if kind.startswith(("DATE", "TIMESTAMP")) else value


def _put_era_last(text: str | None) -> str | None:
    """DuckDB writes `0044-03-15 (BC) 00:00:00`, PostgreSQL `0044-03-15 00:00:00 BC`."""
    return text and re.sub(r"^([\d-]+) \(BC\)(.*)$", r"\1\2 BC", text)
