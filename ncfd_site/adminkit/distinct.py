"""The distinct values of an indexed column, without reading the index from end to end."""

from dataclasses import dataclass
from typing import Any

from django.db import models
from psycopg import sql as compose

from ncfd_site.core import sql

# A filter with more choices than this is no help; and a column with more is the wrong one to filter by.
MOST = 100


@dataclass(frozen=True, slots=True)
class _Value:
    value: Any


def distinct_values(model: type[models.Model], field: str) -> list[Any]:
    """Return up to `MOST` distinct values of a column, sorted; NULL is none.

    PostgreSQL reads a whole index for DISTINCT. This jumps from each value to the next one: as many steps as values,
    as long as an index begins with the column.
    """
    query = compose.SQL(
        """
        WITH RECURSIVE steps(value, step) AS (
            (SELECT {column}, 1 FROM {table} WHERE {column} IS NOT NULL ORDER BY {column} LIMIT 1)
            UNION ALL
            SELECT (SELECT {column} FROM {table} WHERE {column} > s.value ORDER BY {column} LIMIT 1), s.step + 1
            FROM steps s WHERE s.value IS NOT NULL AND s.step < %s
        )
        SELECT value FROM steps WHERE value IS NOT NULL ORDER BY value
        """
    ).format(
        column=compose.Identifier(str(model._meta.get_field(field).column)),  # type: ignore[union-attr]
        table=compose.Identifier(model._meta.db_table),
    )
    return [row.value for row in sql.rows(query.as_string(None), [MOST], of=_Value)]
