"""Pages read from a standby compared with the primary, and the first page after a failover."""

import statistics
import time
from collections.abc import Iterator

from django.contrib.auth.models import User
from django.test import Client
from psycopg.conninfo import conninfo_to_dict

from bench.measure import Row
from bench.trials import fill
from tests import databases
from tests.postgres import started_server
from tests.replicas.conftest import await_replica, use_databases
from tests.replicas.machines import start_synchronous_standby, wait_until

SMALL, FULL, TURNS, NAME = 5_000, 100_000, 30, "bench"


def measure(full: bool) -> Iterator[Row]:
    """Return a row for reads, for a commit, and for a failover."""
    trials = FULL if full else SMALL
    with started_server() as primary:
        keywords = conninfo_to_dict(primary.url(NAME))
        databases.execute(keywords, "CREATE DATABASE {}", NAME)
        fill(keywords, trials, runs=2)
        with use_databases(primary.url(NAME)):
            alone = _time_writes()
        with start_synchronous_standby(primary) as standby:
            with use_databases(primary.url(NAME), standby.url(NAME)):
                confirmed = _time_writes()
                client = Client(headers={"host": "localhost"})
                client.force_login(User.objects.create_superuser("bench"))
                base = _time_pages(client, "primary")
                await_replica()
                page = _time_pages(client, "replica1")
            size = f"{trials:,} trials"
            yield _row("list of trials from a standby", "from the primary", size, page, base)
            yield _row("commit with remote_apply", "commit without a standby", "1 row", confirmed, alone)
            host = f"{primary.url().partition('@')[0]}@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/{NAME}"
            with use_databases(f"{host}?target_session_attrs=read-write&connect_timeout=2"):
                wait_until(lambda: client.get("/readyz").status_code == 200)
                primary.stop()
                began = time.perf_counter()
                standby.promote()
                promoted = time.perf_counter()
                wait_until(lambda: client.get("/readyz").status_code == 200)
                ready = time.perf_counter()
            yield _row("first /readyz after a failover", "pg_ctl promote", size, ready - promoted, promoted - began)


def _row(what: str, baseline: str, size: str, measured: float, base: float) -> Row:
    return Row(what, baseline, size, f"{1000 * measured:.1f} ms", f"{1000 * base:.1f} ms", measured / base)


def _time_pages(client: Client, database: str) -> float:
    taken: list[float] = []
    while len(taken) < TURNS:
        # The first responses open connections; a check may send one to the primary.
        headers = {"Cache-Control": "no-cache"} if database == "primary" else {}
        began = time.perf_counter()
        response = client.get("/trials/", headers=headers)
        if response["X-Database"] == database:
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _time_writes() -> float:
    taken = []
    for number in range(TURNS):
        began = time.perf_counter()
        User.objects.create(username=f"writer {number} {began}")
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)
