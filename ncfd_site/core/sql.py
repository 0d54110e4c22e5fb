"""The one place of the site that runs SQL by hand.

Everything here takes values as parameters, never inside the text, and gives back typed rows. Apps wrap it in
functions with names and types of their own; nobody else opens a cursor.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar, cast

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import sql

Row = TypeVar("Row")
# For %s in the text, or for %(name)s.
Parameters = Sequence[Any] | Mapping[str, Any]


def rows(query: str, parameters: Parameters = (), *, of: type[Row], using: str = DEFAULT_DB_ALIAS) -> list[Row]:
    """Run a query and return one `of(**columns)` for each row; `of` is a dataclass or named tuple."""
    with connections[using].cursor() as cursor:
        cursor.execute(query, parameters)
        names = [column.name for column in cursor.description]
        return [of(**dict(zip(names, values, strict=True))) for values in cursor.fetchall()]


def value(query: str, parameters: Parameters = (), *, using: str = DEFAULT_DB_ALIAS) -> Any:
    """Run a query and return the first column of its first row, or None where there is no row."""
    with connections[using].cursor() as cursor:
        cursor.execute(query, parameters)
        first = cursor.fetchone()
        return first[0] if first else None


def execute(statement: str, parameters: Parameters = (), *, using: str = DEFAULT_DB_ALIAS) -> int:
    """Run a statement and return the number of rows that it touched."""
    with connections[using].cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def call(function: str, *arguments: Any, of: type[Row], using: str = DEFAULT_DB_ALIAS) -> list[Row]:
    """Call a set-returning database function: a typed row for each row that it returns."""
    query = f"SELECT * FROM {_signature(function, arguments)}"  # noqa: S608 (a quoted name and marks)
    return rows(query, arguments, of=of, using=using)


def scalar(function: str, *arguments: Any, using: str = DEFAULT_DB_ALIAS) -> Any:
    """Call a database function that returns one value."""
    return value(f"SELECT {_signature(function, arguments)}", arguments, using=using)


def copy(table: str, columns: Sequence[str], records: Iterable[Sequence[Any]], *, using: str = DEFAULT_DB_ALIAS) -> int:
    """Stream records into a table with COPY, inside the current transaction; returns how many were sent."""
    target = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    sent = 0
    with connections[using].cursor() as cursor:
        # Django's wrapper does not know psycopg's COPY; the cursor that it wraps does.
        stream = cast(AbstractContextManager[psycopg.Copy], cursor.cursor.copy(target))
        with stream as sink:
            for record in records:
                sink.write_row(record)
                sent += 1
    return sent


def _signature(function: str, arguments: Sequence[Any]) -> str:
    name = sql.Identifier(function).as_string(None)
    return f"{name}({', '.join(['%s'] * len(arguments))})"
