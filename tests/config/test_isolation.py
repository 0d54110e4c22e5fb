"""Tests that commit leave no rows, and keep those of a new database.

Both tests write the same unique keys, so that a leak fails the second one, in any process.
"""

import psycopg
from django.db import connection, connections, transaction
from django.test import TransactionTestCase

from securities.models import Exchange
from signals.models import Trial


class CommittedRows(TransactionTestCase):
    """Rows that two tests and another session commit."""

    def write(self) -> None:
        assert Trial.objects.count() == 0
        assert Exchange.objects.count() == 5
        with transaction.atomic():
            Trial.objects.create(nct_id="NCT00000001", is_pivotal=True, last_seen_at="2025-01-01T00:00Z")
        with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other:
            other.execute("DELETE FROM exchanges")
            found = other.execute("SELECT nct_id FROM trials").fetchall()
        assert [row[0] for row in found] == ["NCT00000001"]
        connections.close_all()

    def test_one(self) -> None:
        self.write()

    def test_other(self) -> None:
        self.write()
