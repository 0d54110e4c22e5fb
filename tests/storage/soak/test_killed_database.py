"""A killed database keeps acknowledged commits and right counts."""

import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from ncfd_site.postgres.embedded.cluster import PORT, SUPERUSER, Cluster
from tests import databases
from tests.schema.test_storage_functions import drift
from tests.storage.soak.reference_clients import Client, read_count

CLIENTS = 8


@dataclass(frozen=True)
class Length:
    """Number of kills, and the maximum number of seconds before each."""

    kills: int
    longest: float


SHORT, FULL = Length(2, 1.0), Length(20, 2.0)


@dataclass(frozen=True)
class Victim:
    """A server of this test with fsync on, as in production."""

    cluster: Cluster

    @property
    def keywords(self) -> dict[str, Any]:
        """Return its connection parameters."""
        return {"host": str(self.cluster.find_socket_folder()), "port": PORT, "user": SUPERUSER, "dbname": "postgres"}

    def kill(self, all_processes: bool) -> None:
        """Kill its main process, or all of its processes."""
        first = (self.cluster.data / "postmaster.pid").read_text().partition("\n")[0]
        main = psutil.Process(int(first))
        victims = [main, *main.children(recursive=True)] if all_processes else [main]
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.send_signal(signal.SIGKILL)


@pytest.fixture
def victim() -> Iterator[Victim]:
    """Private server at the head revision."""
    # The path of a socket is limited to about a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="k-", dir="/tmp"))
    folder.chmod(0o755)
    cluster = Cluster(folder)
    cluster.create()
    cluster.start()
    try:
        databases.migrate(Victim(cluster).keywords)
        yield Victim(cluster)
    finally:
        cluster.stop()
        shutil.rmtree(folder)


def kill_and_verify(victim: Victim, length: Length) -> None:
    clients = [Client(number) for number in range(CLIENTS)]
    rng = random.Random(length.kills)

    def work(client: Client) -> None:
        with suppress(psycopg.OperationalError), psycopg.connect(**victim.keywords, autocommit=True) as db:
            while True:
                client.act(db)

    with psycopg.connect(**victim.keywords) as db:
        assert db.execute("SHOW fsync").fetchone() == ("on",)
    for attempt in range(length.kills):
        before = [client.action_count for client in clients]
        with ThreadPoolExecutor(CLIENTS) as pool:
            futures = [pool.submit(work, client) for client in clients]
            while [client.action_count for client in clients] == before and not futures[0].done():
                time.sleep(0.01)
            time.sleep(rng.uniform(0, length.longest))
            victim.kill(all_processes=bool(attempt % 2))
            for one in futures:
                one.result()
        victim.cluster.start()
        with psycopg.connect(**victim.keywords) as db:
            assert drift(db) == 0, f"after kill {attempt}"
            for client in clients:
                client.assert_agreement(db)
            # Without indexes, the number of references is the same.
            db.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")
            assert read_count(db, "SELECT count(*) FROM storage_references") == sum(len(c.references) for c in clients)


def test_killed_database_keeps_acknowledged_commits(victim: Victim) -> None:
    kill_and_verify(victim, SHORT)


@pytest.mark.soak
def test_database_killed_twenty_times_keeps_acknowledged_commits(victim: Victim) -> None:
    kill_and_verify(victim, FULL)
