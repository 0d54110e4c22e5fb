"""A connection of its own for what a job tells of itself: seen while the work holds a transaction, and kept when that
is rolled back."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections

# What is raised when the server has gone away, or the connection was cut, by Django and by the driver beneath.
DATABASE_ERRORS = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)


@contextmanager
def own_connection() -> Iterator[str]:
    """Give this thread one more connection to the database; yields the alias that it has in this thread."""
    alias = "jobs"
    connections[alias] = connections[DEFAULT_DB_ALIAS].copy(alias)
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections[alias]
