"""Random rows for every table, as far as its constraints accept them."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

import psycopg
from psycopg import sql

from tests.sql import Database

_TEXTS = (
    "",
    "x",
    "PHASE3",
    'it\'s "quoted"',
    "naïve ß 漢字",
    "a\nb\tc",
    "%_\\",
    "local://" + "0" * 64,
    "0" * 64,
    "NCT00000001",
)


def _text(rng: random.Random) -> str:
    return rng.choice([*_TEXTS, f"{rng.getrandbits(256):064x}", f"NCT{rng.randrange(10**8):08}"])


_VALUES: Mapping[str, Callable[[random.Random], object]] = {
    "text": _text,
    "varchar": _text,
    "bpchar": _text,
    "int2": lambda rng: rng.choice([0, 1, -1, 32767]),
    "int4": lambda rng: rng.choice([0, 1, 2, 7, 2025, 2**31 - 1]),
    "int8": lambda rng: rng.choice([0, 1, 5, 2**40]),
    "numeric": lambda rng: rng.choice(["0", "1", "0.5", "0.049999", "0.97"]),
    "float8": lambda rng: rng.choice(["0", "0.25", "1"]),
    "bool": lambda rng: rng.choice([True, False]),
    "date": lambda rng: rng.choice(["2024-02-29", "1999-12-31", "infinity"]),
    "timestamptz": lambda rng: rng.choice(["2025-01-01T00:00Z", "2038-01-19T03:14:08Z", "infinity"]),
    "timestamp": lambda rng: "2025-01-01T00:00",
    "daterange": lambda rng: rng.choice(["[2020-01-01,2021-01-01)", "[2021-01-01,)", "(,)"]),
    "uuid": lambda rng: f"{rng.getrandbits(128):032x}",
    "jsonb": lambda rng: rng.choice(
        [
            "{}",
            "[]",
            "null",
            '"x"',
            '{"results": {"primary": [{"p_value": "<0.001"}]}}',
            '{"names": ["A-1", "ß"], "n": 1e400}',
        ]
    ),
}


@dataclass(frozen=True)
class _Column:
    name: str
    type: str
    labels: list[str] | None
    is_required: bool
    has_default: bool
    references: str | None
    referenced: str | None


def fill(db: Database, rng: random.Random, most: int) -> int:
    """Insert up to `most` rows into each table, referenced tables first; return the number of rows."""
    tables = _read_tables(db)
    order = TopologicalSorter(
        {
            table: {c.references for c in columns if c.references and c.references != table}
            for table, columns in tables.items()
        }
    )
    try:
        names = list(order.static_order())
    except CycleError:
        names = list(tables)
    return sum(_insert(db, rng, name, tables[name]) for name in names for _ in range(rng.randint(0, most)))


def _read_tables(db: Database) -> dict[str, list[_Column]]:
    found: dict[str, list[_Column]] = {}
    for table, *column in db.execute(
        """
        SELECT c.relname, a.attname, t.typname,
            (SELECT array_agg(e.enumlabel::text ORDER BY e.enumlabel) FROM pg_enum e WHERE e.enumtypid = t.oid),
            a.attnotnull, a.atthasdef OR a.attidentity <> '', k.confrelid::regclass::text,
            (SELECT attname FROM pg_attribute WHERE attrelid = k.confrelid AND attnum = k.confkey[1])
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f' AND k.conkey = ARRAY[a.attnum]
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname !~ '^alembic'
            AND a.attgenerated = ''
        ORDER BY c.relname, a.attnum
        """
    ):
        found.setdefault(table, []).append(_Column(*column))
    return found


def _insert(db: Database, rng: random.Random, table: str, columns: list[_Column]) -> bool:
    for _ in range(3):
        values: dict[str, Any] = {}
        for column in columns:
            if (column.has_default and rng.random() < 0.7) or (not column.is_required and rng.random() < 0.4):
                continue
            if column.references:
                select = sql.SQL("SELECT {}::text FROM {} ORDER BY 1").format(
                    sql.Identifier(str(column.referenced)), sql.Identifier(column.references)
                )
                keys = db.execute(select).fetchall()
                if keys:
                    values[column.name] = rng.choice(keys)[0]
            elif column.labels:
                values[column.name] = rng.choice(column.labels)
            elif column.type in _VALUES:
                values[column.name] = _VALUES[column.type](rng)
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            # Literals, so that the column's type parses them.
            sql.SQL(", ").join(sql.Literal(str(value)) for value in values.values()),
        )
        if values:
            try:
                with db.transaction():
                    db.execute(statement)
            except psycopg.Error:
                continue
            return True
    return False
