"""Tables of the database as Parquet files that keep the types of their columns.

The server writes CSV, which Arrow parses without a Python object per value. `docs/analytics.md` has the table of types.
A value that its type in Parquet cannot hold (NaN of a numeric, a list of lists) is NULL there, and is in a text column
beside it, NAME__text, which a file has only if it needs it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from django.db import DEFAULT_DB_ALIAS, transaction
from psycopg import sql as composed

from ncfd_site.core import sql

# Rows and bytes of CSV of a row group, which is in memory at a time.
GROUP_ROWS, GROUP_BYTES = 100_000, 32 << 20
# What DuckDB takes for infinity.
DATE_INFINITY, TIME_INFINITY = 2**31 - 1, 2**63 - 1
MAX_PRECISION = 76
# The text of values, which a user or a database may have set otherwise.
SETTINGS = """
    SET LOCAL extra_float_digits = 1;
    SET LOCAL datestyle = 'ISO';
    SET LOCAL intervalstyle = 'postgres';
    SET LOCAL timezone = 'UTC'
"""
ALL_ROWS = composed.SQL("true")

COLUMNS = """
    WITH RECURSIVE base (number, type, modifier, lists) AS (
        SELECT attnum, atttypid, atttypmod, 0 FROM pg_attribute
        WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped
        UNION ALL
        -- Through domains and arrays to the type of the values.
        SELECT b.number, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.typelem END,
               CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE b.modifier END, b.lists + (t.typtype <> 'd')::int
        FROM base b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd' OR (t.typcategory = 'A' AND t.typelem <> 0)
    )
    SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, b.lists,
           CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace THEN t.typname::text ELSE '' END AS base,
           CASE WHEN b.modifier < 0 THEN -1 ELSE ((b.modifier - 4) >> 16) & 65535 END AS precision,
           (((b.modifier - 4) & 2047) # 1024) - 1024 AS scale,
           ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder) AS labels,
           coalesce((SELECT s.typname::text FROM pg_range r JOIN pg_type s ON s.oid = r.rngsubtype
                     WHERE r.rngtypid = t.oid AND s.typnamespace = 'pg_catalog'::regnamespace), '') AS bounds
    FROM base b JOIN pg_type t ON t.oid = b.type
    JOIN pg_attribute a ON a.attrelid = %(table)s::regclass AND a.attnum = b.number
    WHERE NOT (t.typtype = 'd' OR (t.typcategory = 'A' AND t.typelem <> 0)) ORDER BY b.number
"""


def _take_only_array(arrays: Sequence[Any]) -> Any:
    return arrays[0]


@dataclass(frozen=True, slots=True)
class Kind:
    """Storage of the values of a type.

    `fields` are SQL expressions of the value `{}` and the Arrow types that their text is parsed as; `assemble` makes
    the stored array of theirs. `fits` is the SQL condition for values that the stored type can hold.
    """

    stored: Any
    fields: Sequence[tuple[str, Any]]
    fits: str = ""
    assemble: Callable[[Sequence[Any]], Any] = _take_only_array
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `type` as `format_type` writes it, `text_name` the column of values that do not fit."""

    name: str
    type: str
    kind: Kind
    text_name: str

    @property
    def expressions(self) -> list[str]:
        """The fields of the query, the text of a value that does not fit as the last one if there can be such."""
        name = composed.Identifier(self.name).as_string(None)
        fits = self.kind.fits
        guarded = [f"CASE WHEN {fits} THEN {one} END" if fits else one for one, _ in self.kind.fields]
        if fits:
            guarded.append(f"CASE WHEN NOT ({fits}) THEN ({{}})::text END")
        return [one.replace("{}", f"t.{name}") for one in guarded]

    @property
    def field_types(self) -> list[Any]:
        """The Arrow types that the fields are parsed as."""
        return [stored for _, stored in self.kind.fields] + [pa.string()] * bool(self.kind.fits)


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """Rows of a file, and the names of its text columns by the columns whose values did not fit."""

    rows: int
    texts: Mapping[str, str] = field(default_factory=dict)


class _MisfitError(Exception):
    """The file needs text columns."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        super().__init__(texts)
        self.texts = texts


def read_columns(table: str, *, using: str = DEFAULT_DB_ALIAS) -> list[Column]:
    """Return the columns of a table of schema public, generated ones included."""
    name = composed.Identifier("public", table).as_string(None)
    found = sql.rows(COLUMNS, {"table": name}, of=_ColumnRow, using=using)
    taken = {row.name for row in found}
    columns = []
    for row in found:
        text_name = f"{row.name}__text"
        while text_name in taken:
            text_name += "_"
        columns.append(Column(row.name, row.type, _find_kind(row), text_name))
    return columns


def write_table(
    table: str,
    columns: Sequence[Column],
    open_sink: Callable[[], AbstractContextManager[IO[bytes]]],
    on_rows: Callable[[int], None] = lambda count: None,
    *,
    condition: composed.Composable = ALL_ROWS,
    using: str = DEFAULT_DB_ALIAS,
) -> WrittenTable:
    """Write the rows of a table that meet a condition on `t` as one Parquet file.

    A value that does not fit starts the file again in another sink, with text. `on_rows` gets the rows of each group.
    """
    texts: Mapping[str, str] = {}
    while True:
        try:
            with transaction.atomic(using=using), open_sink() as sink:
                sql.execute(SETTINGS, using=using)
                return WrittenTable(_write_rows(table, columns, sink, on_rows, condition, texts, using), texts)
        except _MisfitError as error:
            texts = {**texts, **error.texts}


def build_schema(columns: Sequence[Column], texts: Mapping[str, str]) -> Any:
    """Return the Arrow schema of a file, with the types of the database as metadata."""
    fields = []
    for column in columns:
        fields.append(pa.field(column.name, column.kind.stored, metadata={"postgresql_type": column.type}))
        if column.name in texts:
            fields.append(pa.field(column.text_name, pa.string()))
    return pa.schema(fields)


def _write_rows(
    table: str,
    columns: Sequence[Column],
    sink: IO[bytes],
    on_rows: Callable[[int], None],
    condition: composed.Composable,
    texts: Mapping[str, str],
    using: str,
) -> int:
    # ONLY: rows of tables that inherit are in their own files. A partitioned table has its rows in its partitions.
    relation = composed.Identifier("public", table)
    is_partitioned = "SELECT relkind = 'p' FROM pg_class WHERE oid = %s::regclass"
    only = "" if sql.value(is_partitioned, [relation.as_string(None)], using=using) else "ONLY "
    query = composed.SQL("SELECT {} FROM {}{} t WHERE {}").format(
        composed.SQL(", ").join(composed.SQL(one) for column in columns for one in column.expressions),
        composed.SQL(only),
        relation,
        condition,
    )
    schema, rows = build_schema(columns, texts), 0
    with pyarrow.parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for group in _read_groups(query, using):
            arrays, count = _parse(group, columns, texts)
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            rows += count
            on_rows(count)
    return rows


def _read_groups(query: composed.Composable, using: str) -> Iterator[bytes]:
    rows: list[bytes] = []
    size = 0
    for row in sql.copy_out(query, using=using):
        rows.append(row)
        size += len(row)
        if len(rows) >= GROUP_ROWS or size >= GROUP_BYTES:
            yield b"".join(rows)
            rows, size = [], 0
    if rows:
        yield b"".join(rows)


def _parse(group: bytes, columns: Sequence[Column], texts: Mapping[str, str]) -> tuple[list[Any], int]:
    """Return the arrays of the CSV's columns, and the number of rows.

    Raises `_MisfitError` for a value that its column's type cannot hold, unless the column is among `texts`.
    """
    types = [stored for column in columns for stored in column.field_types]
    names = [str(number) for number in range(len(types))]
    # NULL is an empty field, and an empty text is quoted. A row must fit in a block.
    parsed = pyarrow.csv.read_csv(
        pa.py_buffer(group),
        pyarrow.csv.ReadOptions(use_threads=False, block_size=len(group) + 1, column_names=names),
        pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        pyarrow.csv.ConvertOptions(
            column_types=dict(zip(names, types, strict=True)),
            null_values=[""],
            true_values=["t"],
            false_values=["f"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    ).combine_chunks()
    fields = iter([column.chunk(0) for column in parsed.columns])
    stored, misfits = [], {}
    for column in columns:
        stored.append(column.kind.assemble([next(fields) for _ in column.kind.fields]))
        misfit = next(fields) if column.kind.fits else None
        if column.name in texts:
            stored.append(misfit)
        elif misfit is not None and misfit.null_count < len(misfit):
            misfits[column.name] = column.text_name
    if misfits:
        raise _MisfitError(misfits)
    return stored, parsed.num_rows


@dataclass(frozen=True, slots=True)
class _ColumnRow:
    name: str
    type: str
    lists: int
    base: str
    precision: int
    scale: int
    labels: list[str]
    bounds: str


_TEXT = Kind(pa.string(), [("{}", pa.string())])
_UNKNOWN = replace(_TEXT, is_known=False)


def _find_kind(row: _ColumnRow) -> Kind:
    if row.lists > 1:
        return _UNKNOWN
    kind = _SCALARS.get(row.base, _UNKNOWN)
    if row.labels:
        labels = pa.array(row.labels)
        stored = pa.dictionary(pa.int32(), pa.string())
        kind = Kind(
            stored,
            [("{}", pa.string())],
            assemble=lambda arrays: pa.DictionaryArray.from_arrays(pc.index_in(arrays[0], value_set=labels), labels),
        )
    elif row.base == "numeric" and row.precision > 0:
        kind = _build_decimal(row.precision, row.scale)
    elif row.bounds in _SCALARS:
        kind = _build_range(_SCALARS[row.bounds])
    return _build_list(kind) if row.lists else kind


def _build_decimal(precision: int, scale: int) -> Kind:
    # PostgreSQL allows scales below zero and above the precision.
    precision, scale = max(precision - min(scale, 0), scale), max(scale, 0)
    if precision > MAX_PRECISION:
        return _TEXT
    stored = pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
    # The reader of CSV knows decimals of 128 bits only.
    return Kind(stored, [("{}", pa.string())], "{} <> 'NaN'", lambda arrays: pc.cast(arrays[0], stored))


def _build_range(bound: Kind) -> Kind:
    ((expression, parsed),) = bound.fields
    ends = [(expression.replace("{}", f"{end}({{}})"), parsed) for end in ("lower", "upper")]
    flags = [(f"{flag}({{}})", pa.bool_()) for flag in ("lower_inc", "upper_inc", "isempty")]
    names = ["lower", "upper", "lower_inc", "upper_inc", "empty"]
    types = [bound.stored] * 2 + [pa.bool_()] * 3
    fields = [pa.field(name, stored) for name, stored in zip(names, types, strict=True)]

    def assemble(arrays: Sequence[Any]) -> Any:
        bounds = [bound.assemble([array]) for array in arrays[:2]]
        return pa.StructArray.from_arrays([*bounds, *arrays[2:]], fields=fields, mask=arrays[4].is_null())

    fits = [f"({bound.fits.replace('{}', f'{end}({{}})')}) IS NOT FALSE" for end in ("lower", "upper") if bound.fits]
    return Kind(pa.struct(fields), [*ends, *flags], " AND ".join(fits), assemble)


def _build_list(element: Kind) -> Kind:
    if len(element.fields) > 1:
        return _UNKNOWN
    ((expression, parsed),) = element.fields
    one_dimension = "coalesce(array_ndims({}) = 1 AND array_lower({}, 1) = 1, cardinality({}) = 0)"
    misfit = element.fits.replace("{}", "e")
    fits = (
        f"{one_dimension} AND NOT EXISTS (SELECT FROM unnest({{}}) e WHERE NOT ({misfit}))" if misfit else one_dimension
    )
    texts = expression.replace("{}", "e")
    items = f"(SELECT json_agg(({texts})::text ORDER BY o) FROM unnest({{}}) WITH ORDINALITY AS u (e, o))"  # noqa: S608

    def assemble(arrays: Sequence[Any]) -> Any:
        lists = [None if text is None else json.loads(text) for text in arrays[0].to_pylist()]
        nested = pa.array(lists, pa.list_(pa.string()))
        values = element.assemble([pc.cast(nested.flatten(), parsed)])
        return pa.ListArray.from_arrays(nested.offsets, values, mask=nested.is_null())

    listed = f"CASE WHEN {{}} IS NOT NULL THEN coalesce({items}, '[]') END"
    return Kind(pa.list_(element.stored), [(listed, pa.string())], fits, assemble, element.is_known)


def _build_instant(stored: Any, zone: str) -> Kind:
    micros = "(extract(epoch FROM {}) * 1000000)::bigint"
    expression = (
        f"CASE {{}} WHEN 'infinity' THEN {TIME_INFINITY} WHEN '-infinity' THEN -{TIME_INFINITY} ELSE {micros} END"
    )
    # The last second that 64 bits of microseconds since 1970 hold; the database goes on until 294276.
    fits = f"({{}} < '294247-01-10 04:00:54{zone}' OR {{}} = 'infinity')"
    return Kind(stored, [(expression, pa.int64())], fits, lambda arrays: arrays[0].view(stored))


def _build_binary(expression: str, stored: Any, storage: Any) -> Kind:
    def assemble(arrays: Sequence[Any]) -> Any:
        values = [None if text is None else bytes.fromhex(text) for text in arrays[0].to_pylist()]
        return pa.array(values, storage).cast(stored)

    return Kind(stored, [(expression, pa.string())], assemble=assemble)


def _build_plain(stored: Any) -> Kind:
    return Kind(stored, [("{}", stored)])


_DAYS = (
    f"CASE {{}} WHEN 'infinity' THEN {DATE_INFINITY} WHEN '-infinity' THEN -{DATE_INFINITY}"
    " ELSE {} - DATE '1970-01-01' END"
)
_SCALARS: Mapping[str, Kind] = {
    "bool": _build_plain(pa.bool_()),
    "int2": _build_plain(pa.int16()),
    "int4": _build_plain(pa.int32()),
    "int8": _build_plain(pa.int64()),
    "oid": _build_plain(pa.int64()),
    "float4": _build_plain(pa.float32()),
    "float8": _build_plain(pa.float64()),
    # Without a precision, any choice of scale would lose values.
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "json", "jsonb", "numeric"), _TEXT),
    "date": Kind(pa.date32(), [(_DAYS, pa.int32())], assemble=lambda arrays: arrays[0].view(pa.date32())),
    "timestamptz": _build_instant(pa.timestamp("us", "UTC"), "+00"),
    "timestamp": _build_instant(pa.timestamp("us"), ""),
    "time": Kind(
        pa.time64("us"),
        [("(extract(epoch FROM {}) * 1000000)::bigint", pa.int64())],
        assemble=lambda arrays: arrays[0].view(pa.time64("us")),
    ),
    "uuid": _build_binary("replace(({})::text, '-', '')", pa.uuid(), pa.binary(16)),
    "bytea": _build_binary("encode({}, 'hex')", pa.binary(), pa.binary()),
}
