"""Concurrent changes of references neither deadlock nor cause drift."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg
import pytest

from tests.databases import Keywords
from tests.schema.test_storage_functions import drift
from tests.storage.soak.reference_clients import Client, read_count


@dataclass(frozen=True)
class Length:
    """Numbers of clients and seconds, and the minimum number of actions."""

    clients: int
    seconds: float
    min_actions: int


SHORT, FULL = Length(16, 2, 100), Length(16, 60, 5_000)


def run_clients(keywords: Keywords, length: Length) -> None:
    deadline = time.monotonic() + length.seconds

    def work(number: int) -> Client:
        client = Client(number)
        # A database error, such as a deadlock, fails the test.
        with psycopg.connect(**keywords, autocommit=True) as db:
            # On a busy machine, the seconds are not enough.
            while time.monotonic() < deadline or client.action_count * length.clients < length.min_actions:
                client.act(db)
        return client

    with ThreadPoolExecutor(length.clients) as pool:
        clients = list(pool.map(work, range(length.clients)))
    assert sum(client.action_count for client in clients) >= length.min_actions
    with psycopg.connect(**keywords) as db:
        assert read_count(db, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0
        assert drift(db) == 0
        for client in clients:
            client.assert_agreement(db)


def test_concurrent_clients_neither_deadlock_nor_drift(head_database: Keywords) -> None:
    run_clients(head_database, SHORT)


@pytest.mark.soak
def test_a_minute_of_concurrent_clients_neither_deadlocks_nor_drifts(head_database: Keywords) -> None:
    run_clients(head_database, FULL)
