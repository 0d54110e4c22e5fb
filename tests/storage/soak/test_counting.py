"""Whatever order clients take content in, nobody waits in a ring, and every count is the number of references."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg
import pytest

from tests.databases import Keywords
from tests.schema.test_storage_functions import drift
from tests.storage.soak.counting import Client, count_of


@dataclass(frozen=True)
class Length:
    """How many clients work for how many seconds, and how many acts that is at the least."""

    clients: int
    seconds: float
    acts: int


SHORT, WHOLE = Length(16, 3, 100), Length(16, 60, 5_000)


def many_clients(keywords: Keywords, length: Length) -> None:
    deadline = time.monotonic() + length.seconds

    def work(number: int) -> Client:
        client = Client(number)
        # An error of the database, a deadlock for one, ends the test.
        with psycopg.connect(**keywords, autocommit=True) as db:
            while time.monotonic() < deadline:
                client.act(db)
        return client

    with ThreadPoolExecutor(length.clients) as pool:
        clients = list(pool.map(work, range(length.clients)))
    assert sum(client.acts for client in clients) >= length.acts
    with psycopg.connect(**keywords) as db:
        assert count_of(db, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0
        assert drift(db) == 0
        for client in clients:
            client.require_agreement(db)


def test_clients_in_any_order_neither_deadlock_nor_drift(head_database: Keywords) -> None:
    many_clients(head_database, SHORT)


@pytest.mark.soak
def test_a_minute_of_clients_in_any_order_neither_deadlocks_nor_drifts(head_database: Keywords) -> None:
    many_clients(head_database, WHOLE)
