"""SQL outside the ORM: typed rows, parameters and COPY. Only this module opens cursors.

Values are always parameters, never part of the text.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar, cast

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import sql

Row = TypeVar("Row")
# For %s in the text, or for %(name)s.
Parameters = Sequence[Any] | Mapping[str, Any]


def rows(query: str, parameters: Parameters = (), *, of: type[Row], using: str = DEFAULT_DB_ALIAS) -> list[Row]:
    """Run a query and return `of(**columns)` for each row; `of` is a dataclass or a named tuple."""
    with connections[using].cursor() as cursor:
        cursor.execute(query, parameters)
        names = [column.name for column in cursor.description]
        return [of(**dict(zip(names, values, strict=True))) for values in cursor.fetchall()]


def value(query: str, parameters: Parameters = (), *, using: str = DEFAULT_DB_ALIAS) -> Any:
    """Run a query and return the first column of its first row, None without rows."""
    with connections[using].cursor() as cursor:
        cursor.execute(query, parameters)
        first = cursor.fetchone()
        return first[0] if first else None


def column(query: str, parameters: Parameters = (), *, using: str = DEFAULT_DB_ALIAS) -> list[Any]:
    """Run a query and return the first column of its rows."""
    with connections[using].cursor() as cursor:
        cursor.execute(query, parameters)
        return [row[0] for row in cursor.fetchall()]


def stream(
    query: str, parameters: Parameters = (), *, size: int, using: str = DEFAULT_DB_ALIAS
) -> Iterator[list[tuple[Any, ...]]]:
    """Run a query and yield lists of `size` rows, through a server-side cursor in the current transaction."""
    with connections[using].chunked_cursor() as cursor:
        cursor.execute(query, parameters)
        while found := cursor.fetchmany(size):
            yield found


def execute(statement: str, parameters: Parameters = (), *, using: str = DEFAULT_DB_ALIAS) -> int:
    """Run a statement and return the number of affected rows."""
    with connections[using].cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def call(function: str, *arguments: Any, of: type[Row], using: str = DEFAULT_DB_ALIAS) -> list[Row]:
    """Call a set-returning function of the database and return a typed row for each of its rows."""
    query = f"SELECT * FROM {_build_call(function, arguments)}"  # noqa: S608 (a quoted name and placeholders)
    return rows(query, arguments, of=of, using=using)


def scalar(function: str, *arguments: Any, using: str = DEFAULT_DB_ALIAS) -> Any:
    """Call a function of the database that returns one value."""
    return value(f"SELECT {_build_call(function, arguments)}", arguments, using=using)


def copy(table: str, columns: Sequence[str], records: Iterable[Sequence[Any]], *, using: str = DEFAULT_DB_ALIAS) -> int:
    """Stream records into a table with COPY in the current transaction; return their number."""
    target = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    count = 0
    with connections[using].cursor() as cursor:
        # Django's wrapper has no COPY; the psycopg cursor that it wraps has.
        stream = cast(AbstractContextManager[psycopg.Copy], cursor.cursor.copy(target))
        with stream as sink:
            for record in records:
                sink.write_row(record)
                count += 1
    return count


def copy_out(query: sql.Composable, *, using: str = DEFAULT_DB_ALIAS) -> Iterator[bytes]:
    """Yield the rows of a query as lines of CSV, as COPY writes them: NULL is empty, an empty text is quoted."""
    with connections[using].cursor() as cursor:
        stream = cast(
            AbstractContextManager[psycopg.Copy],
            cursor.cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(query)),
        )
        with stream as rows:
            for row in rows:
                yield bytes(row)


def build_distinct_query(table: str, column: str, limit: int | None = None) -> str:
    """Return a query for the sorted distinct values, as column `value`, of a column with an index; NULL is omitted.

    PostgreSQL reads a whole index for DISTINCT. This query jumps from each value to the next: one step per value.
    """
    step = sql.SQL(
        """
        WITH RECURSIVE steps(value, number) AS (
            (SELECT {column}, 1 FROM {table} WHERE {column} IS NOT NULL ORDER BY {column} LIMIT 1)
            UNION ALL
            SELECT (SELECT {column} FROM {table} WHERE {column} > s.value ORDER BY {column} LIMIT 1), s.number + 1
            FROM steps s WHERE s.value IS NOT NULL AND {limit}
        )
        SELECT value FROM steps WHERE value IS NOT NULL ORDER BY value
        """
    ).format(
        column=sql.Identifier(column),
        table=sql.Identifier(table),
        limit=sql.SQL("true") if limit is None else sql.SQL("s.number < {}").format(sql.Literal(limit)),
    )
    return step.as_string(None)


def read_distinct_values(
    table: str, column: str, limit: int | None = None, *, using: str = DEFAULT_DB_ALIAS
) -> list[Any]:
    """Return the sorted distinct values of a column with an index."""
    with connections[using].cursor() as cursor:
        cursor.execute(build_distinct_query(table, column, limit))
        return [row[0] for row in cursor.fetchall()]


def _build_call(function: str, arguments: Sequence[Any]) -> str:
    name = sql.Identifier(function).as_string(None)
    return f"{name}({', '.join(['%s'] * len(arguments))})"
