"""A database that is killed keeps every commit that it acknowledged, and its counts stay true."""

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
from tests.storage.soak.counting import Client, count_of

CLIENTS = 8


@dataclass(frozen=True)
class Length:
    """How often the database is killed, and after how many seconds at most each time."""

    kills: int
    longest: float


SHORT, WHOLE = Length(2, 1.0), Length(20, 2.0)


@dataclass(frozen=True)
class Victim:
    """A server that belongs to this test, and waits for the disk as one in production does."""

    cluster: Cluster

    @property
    def keywords(self) -> dict[str, Any]:
        """Where it is."""
        return {"host": str(self.cluster.find_socket_folder()), "port": PORT, "user": SUPERUSER, "dbname": "postgres"}

    def kill(self, everybody: bool) -> None:
        """Kill its main process, or all of its processes at once, without notice."""
        first = (self.cluster.data / "postmaster.pid").read_text().partition("\n")[0]
        main = psutil.Process(int(first))
        victims = [main, *main.children(recursive=True)] if everybody else [main]
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.send_signal(signal.SIGKILL)


@pytest.fixture
def victim() -> Iterator[Victim]:
    """A server at head that nobody else uses."""
    # Short: the path of a socket has room for about a hundred characters.
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


def kill_and_look(victim: Victim, length: Length) -> None:
    clients = [Client(number) for number in range(CLIENTS)]
    chance = random.Random(length.kills)

    def work(client: Client) -> None:
        with suppress(psycopg.OperationalError), psycopg.connect(**victim.keywords, autocommit=True) as db:
            while True:
                client.act(db)

    with psycopg.connect(**victim.keywords) as db:
        assert db.execute("SHOW fsync").fetchone() == ("on",)
    for attempt in range(length.kills):
        before = [client.acts for client in clients]
        with ThreadPoolExecutor(CLIENTS) as pool:
            working = [pool.submit(work, client) for client in clients]
            time.sleep(chance.uniform(0.1, length.longest))
            victim.kill(everybody=bool(attempt % 2))
            for one in working:
                one.result()
        victim.cluster.start()
        with psycopg.connect(**victim.keywords) as db:
            assert drift(db) == 0, f"after kill {attempt}"
            for client in clients:
                client.require_agreement(db)
            # What the rest of the database holds of it, read past the indexes, says the same.
            db.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")
            assert count_of(db, "SELECT count(*) FROM storage_references") == sum(len(c.references) for c in clients)
        assert [client.acts for client in clients] != before, f"nobody had begun before kill {attempt}"


def test_a_killed_database_keeps_every_acknowledged_commit(victim: Victim) -> None:
    kill_and_look(victim, SHORT)


@pytest.mark.soak
def test_a_database_killed_twenty_times_keeps_every_acknowledged_commit(victim: Victim) -> None:
    kill_and_look(victim, WHOLE)
