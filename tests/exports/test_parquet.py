"""A Parquet file holds every value of its table, and the types of its columns."""

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet
import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql

from ncfd_site.exports import parquet
from tests.exports.rows import read_database, read_file
from tests.sql import Database

pytestmark = pytest.mark.django_db

DATES = st.sampled_from(["infinity", "-infinity", "4713-01-01 BC", "5874897-12-31", "0001-01-01", "10000-01-01"]) | (
    st.dates().map(str)
)
INSTANTS = st.sampled_from(
    ["infinity", "-infinity", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999", "294247-01-10 04:00:53.999999"]
) | st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)).map(str)  # noqa: DTZ001
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.sampled_from(
    ["", "NULL", "\\N", "\\.", '"', "\r\n", ",", " ", "NaN", "t", "\ufeff"]
)
FLOATS = st.floats(width=32).map(str) | st.sampled_from(["NaN", "Infinity", "-Infinity", "-0"])
# A type, a strategy for its literals, and the type that DuckDB sees.
TYPES: dict[str, tuple[st.SearchStrategy[Any], str]] = {
    "boolean": (st.booleans().map(str), "BOOLEAN"),
    "smallint": (st.integers(-(2**15), 2**15 - 1).map(str), "SMALLINT"),
    "integer": (st.integers(-(2**31), 2**31 - 1).map(str), "INTEGER"),
    "bigint": (st.integers(-(2**63), 2**63 - 1).map(str), "BIGINT"),
    "real": (FLOATS, "FLOAT"),
    "double precision": (FLOATS | st.floats().map(str), "DOUBLE"),
    "text": (TEXTS, "VARCHAR"),
    "varchar(50)": (TEXTS.map(lambda text: text[:50]), "VARCHAR"),
    "numeric": (st.decimals(-1000, 1000).map(str) | st.sampled_from(["NaN", "-Infinity", "1" + "0" * 500]), "VARCHAR"),
    "numeric(6,5)": (st.decimals(-9, 9, places=5).map(str) | st.just("NaN"), "DECIMAL(6,5)"),
    "numeric(38,2)": (st.integers(1 - 10**36, 10**36 - 1).map(str), "DECIMAL(38,2)"),
    "numeric(3,-2)": (st.integers(-99900, 99900).map(str) | st.just("NaN"), "DECIMAL(5,0)"),
    "numeric(2,4)": (st.decimals("-0.0099", "0.0099", places=4).map(str), "DECIMAL(4,4)"),
    "date": (DATES, "DATE"),
    "timestamptz": (INSTANTS, "TIMESTAMP WITH TIME ZONE"),
    "timestamp": (INSTANTS, "TIMESTAMP"),
    "time": (st.times().map(str) | st.just("24:00"), "TIME"),
    "uuid": (st.uuids().map(str), "UUID"),
    "bytea": (st.binary().map(lambda data: f"\\x{data.hex()}"), "BLOB"),
    "jsonb": (st.sampled_from(["{}", "null", '{"a": "\\"\\n", "n": 1e400}', '"\\ud83d\\ude00"', "[]"]), "VARCHAR"),
    "json": (st.sampled_from(['{"a":  1, "a": 2}', "[\n]"]), "VARCHAR"),
    "interval": (st.sampled_from(["1 mon -1 day", "00:00:00.000001"]), "VARCHAR"),
    "inet": (st.just("192.0.2.0/24"), "VARCHAR"),
    "daterange": (
        st.sampled_from(["empty", "(,)", "[2020-01-01,)", "[2020-01-01,2021-01-01)", "[2020-01-01,infinity)"]),
        "STRUCT(lower DATE, upper DATE, lower_inc BOOLEAN, upper_inc BOOLEAN, empty BOOLEAN)",
    ),
    "tstzrange": (
        st.sampled_from(["empty", "[2020-01-01,2020-01-02]", "(,294276-12-31)", "(-infinity,2020-01-01 00:00:00.5]"]),
        "STRUCT(lower {0}, upper {0}, lower_inc BOOLEAN, upper_inc BOOLEAN, empty BOOLEAN)".format(
            "TIMESTAMP WITH TIME ZONE"
        ),
    ),
    "mood": (st.sampled_from(["sad", "it's", ""]), "VARCHAR"),
    "share": (st.sampled_from(["0.5", "1.00", "NaN"]), "DECIMAL(3,2)"),
    "int[]": (st.sampled_from(["{}", "{1,NULL}", "{{1,2},{3,4}}", "[0:1]={1,2}"]), "INTEGER[]"),
    "text[]": (st.sampled_from(["{}", '{"",NULL,"NULL","{}","a\\"b"}']), "VARCHAR[]"),
    "boolean[]": (st.just("{t,f,NULL}"), "BOOLEAN[]"),
    "float8[]": (st.just("{1.5,-2.25,NULL}"), "DOUBLE[]"),
    "numeric(6,5)[]": (st.sampled_from(["{0.5,NULL}", "{1,NaN}"]), "DECIMAL(6,5)[]"),
    "date[]": (st.just("{2024-02-29,infinity,0044-03-15 BC}"), "DATE[]"),
    "timestamptz[]": (st.just("{2024-02-29 12:00:00.5+02}"), "TIMESTAMP WITH TIME ZONE[]"),
    "uuid[]": (st.just("{00000000-0000-0000-0000-000000000001}"), "UUID[]"),
    "mood[]": (st.just("{sad,NULL}"), "VARCHAR[]"),
    "share[]": (st.just("{0.5}"), "DECIMAL(3,2)[]"),
    "daterange[]": (st.just('{"[2020-01-01,2021-01-01)"}'), "VARCHAR"),
}


@pytest.fixture
def db() -> Database:
    """Return the connection of Django, which writes the files."""
    connection.ensure_connection()
    found: Database = connection.connection
    # What a user may have set must not change a file.
    found.execute(
        "SET LOCAL extra_float_digits = 0; SET LOCAL datestyle = 'SQL, DMY'; SET LOCAL timezone = 'Asia/Tokyo'"
    )
    found.execute("CREATE TYPE mood AS ENUM ('sad', 'it''s', '')")
    found.execute("CREATE DOMAIN share AS numeric(3,2)")
    return found


def make_table(db: Database, *types: str, name: str = "samples") -> None:
    columns = sql.SQL(", ").join(
        sql.SQL("{} " + kind).format(sql.Identifier(f"c {number}")) for number, kind in enumerate(types)
    )
    db.execute(
        sql.SQL("CREATE TABLE {} (id int GENERATED ALWAYS AS IDENTITY, {})").format(sql.Identifier(name), columns)
    )


def insert(db: Database, values: list[str | None], name: str = "samples") -> None:
    names = sql.SQL(", ").join(sql.Identifier(f"c {number}") for number in range(len(values)))
    literals = sql.SQL(", ").join(map(sql.Literal, values))
    db.execute(sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(name), names, literals))


def write(path: Path, table: str = "samples", **options: Any) -> parquet.WrittenTable:
    return parquet.write_table(table, parquet.read_columns(table), lambda: path.open("wb"), **options)


def test_types_are_kept(db: Database, tmp_path: Path) -> None:
    make_table(db, *TYPES)
    assert write(tmp_path / "f") == parquet.WrittenTable(0)
    described = duckdb.execute(f"DESCRIBE FROM read_parquet('{tmp_path / 'f'}')").fetchall()
    assert {kind: found[1] for kind, found in zip(["integer", *TYPES], described, strict=True)} == {
        kind: expected for kind, (_, expected) in TYPES.items()
    }
    metadata = pyarrow.parquet.read_schema(tmp_path / "f").field("c 8").metadata
    assert metadata[b"postgresql_type"] == b"numeric"


@settings(
    phases=[Phase.generate], max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.tuples(*(st.none() | strategy for strategy, _ in TYPES.values())), min_size=1, max_size=4),
    group=st.sampled_from([1, 2, 100]),
)
def test_every_value_is_read_back(db: Database, tmp_path: Path, rows: list[tuple[str | None, ...]], group: int) -> None:
    with db.transaction(force_rollback=True), pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "GROUP_ROWS", group)
        make_table(db, *TYPES)
        for row in rows:
            insert(db, list(row))
        assert write(tmp_path / "f").rows == len(rows)
        assert read_file(tmp_path / "f") == read_database(db, "samples")


def test_only_a_file_with_a_value_that_does_not_fit_has_its_text(db: Database, tmp_path: Path) -> None:
    make_table(db, "numeric(6,5)", "numeric(6,5)", "text")
    db.execute('ALTER TABLE samples RENAME "c 1" TO "c 0__text"')
    for value in ("0.5", "NaN"):
        db.execute('INSERT INTO samples ("c 0", "c 0__text") VALUES (%s, 1)', [value])
    numbers = sql.SQL("t.\"c 0\" <> 'NaN'")
    assert write(tmp_path / "numbers", condition=numbers) == parquet.WrittenTable(1)
    assert write(tmp_path / "all") == parquet.WrittenTable(2, {"c 0": "c 0__text_"})
    read = duckdb.execute(
        f'SELECT "c 0", "c 0__text_", "c 0__text" FROM read_parquet(\'{tmp_path / "all"}\')'
    ).fetchall()
    assert [tuple(map(str, row)) for row in read] == [("0.50000", "None", "1.00000"), ("None", "NaN", "1.00000")]
    assert len(pyarrow.parquet.read_schema(tmp_path / "numbers").names) == 4


def test_rows_of_partitions_and_of_tables_that_inherit_are_written_once(db: Database, tmp_path: Path) -> None:
    db.execute("CREATE TABLE parted (id int) PARTITION BY RANGE (id)")
    db.execute("CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (10)")
    db.execute("CREATE TABLE parent (id int)")
    db.execute("CREATE TABLE child () INHERITS (parent)")
    for table in ("parted", "parent", "child"):
        db.execute(sql.SQL("INSERT INTO {} VALUES (1)").format(sql.Identifier(table)))
    assert {
        table: write(tmp_path / "f", table).rows for table in ("parted", "low", "parent", "child")
    } == dict.fromkeys(("parted", "low", "parent", "child"), 1)


def test_generated_columns_and_dropped_ones(db: Database, tmp_path: Path) -> None:
    make_table(db, "int", "text")
    db.execute('ALTER TABLE samples ADD double int GENERATED ALWAYS AS (2 * "c 0") STORED, DROP "c 1"')
    insert(db, ["21"])
    write(tmp_path / "f")
    assert duckdb.execute(f"FROM read_parquet('{tmp_path / 'f'}')").fetchall() == [(1, 21, 42)]


def test_row_groups_bound_the_memory(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_BYTES", 1000)
    make_table(db, "text")
    for size in (10, 5000, 10, 10):
        insert(db, ["x" * size])
    counts: list[int] = []
    parquet.write_table("samples", parquet.read_columns("samples"), lambda: (tmp_path / "f").open("wb"), counts.append)
    assert counts == [2, 2]
    metadata = pyarrow.parquet.read_metadata(tmp_path / "f")
    assert (metadata.num_row_groups, metadata.row_group(0).column(1).compression) == (2, "ZSTD")
