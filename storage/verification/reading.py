"""Reads that the database lets do nothing else."""

from typing import Any

from django.db import transaction

from ncfd_site.core import sql
from ncfd_site.core.sql import Parameters, Row


def read(query: str, parameters: Parameters = (), *, of: type[Row]) -> list[Row]:
    """Run a query in a read-only transaction of its own: one statement, so that it sees one moment."""
    with transaction.atomic():
        sql.execute("SET TRANSACTION READ ONLY")
        return sql.rows(query, parameters, of=of)


def read_value(query: str, parameters: Parameters = ()) -> Any:
    """Run a query in a read-only transaction of its own; the first column of its first row."""
    with transaction.atomic():
        sql.execute("SET TRANSACTION READ ONLY")
        return sql.value(query, parameters)
