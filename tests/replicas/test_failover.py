"""The primary is lost under concurrent users: its standby is promoted, and no acknowledged write is lost."""

import logging
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from ncfd_site.exports.jobs import JOB
from tests.migration.running import query
from tests.migration.test_pooler import pgbouncer
from tests.postgres import Server, _free_port
from tests.replicas.conftest import NAME, Site, use_databases
from tests.replicas.machines import (
    Browser,
    build_environment,
    gunicorn,
    point_pooler,
    run_process,
    sign_in,
    start_synchronous_standby,
    wait_until,
)

# Seconds from the promotion until the site answers.
LONGEST = 30
# A user may have 20 tokens.
PACE, MOST_WRITES = 0.4, 18


@dataclass
class User(Browser):
    """A user who reads and writes in turn, and remembers which writes were acknowledged."""

    number: int = 0
    acknowledged: list[str] = field(default_factory=list)
    lost_reads: list[str] = field(default_factory=list)

    def work(self, finished: threading.Event) -> None:
        """Write, then read the own writes and a list, until the end."""
        count = 0
        while not finished.wait(PACE):
            name = f"u{self.number} w{count}"
            if count < MOST_WRITES:
                status, _ = self.request("/tokens/", {"name": name, "days": "9"})
                if status == 200:
                    self.acknowledged.append(name)
                count += status == 200
            status, text = self.request("/tokens/")
            if status == 200:
                self.lost_reads += [written for written in self.acknowledged if written not in text]
            self.request("/trials/")


@dataclass(frozen=True)
class Pair:
    """A primary and its standby, for one test, and the URL to the one that accepts writes."""

    primary: Server
    standby: Server
    url: str
    # Promotes the standby, and points a pooler to it.
    promote: Callable[[], None]


@pytest.fixture
def pair(site: Site, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Start a copy of the site's servers; a commit waits until the standby has applied it."""
    with ExitStack() as stack:
        primary = stack.enter_context(site.primary.standby(name="copy"))
        primary.promote()
        standby = stack.enter_context(start_synchronous_standby(primary))
        credentials = primary.url().partition("@127")[0]
        if request.param == "direct":
            hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
            url = f"{credentials}@{hosts}/{NAME}?target_session_attrs=read-write&connect_timeout=2"
            yield Pair(primary, standby, url, standby.promote)
            return
        folder = Path(tempfile.mkdtemp(prefix="pgb-", dir="/tmp"))
        pooled = stack.enter_context(
            pgbouncer(conninfo_to_dict(primary.url(NAME)), request.param, "server_login_retry = 1", folder)
        )

        def promote() -> None:
            standby.promote()
            point_pooler(folder, primary, standby)

        yield Pair(primary, standby, f"postgresql://{primary.user}@127.0.0.1:{pooled['port']}/{NAME}", promote)


@pytest.mark.parametrize(
    ("pair", "count"),
    [
        ("direct", 8),
        *(pytest.param(front, 50, marks=pytest.mark.soak) for front in ("direct", "session", "transaction")),
    ],
    indirect=["pair"],
)
def test_a_promotion_under_load_loses_no_acknowledged_write(
    pair: Pair, count: int, static_root: Path, tmp_path: Path
) -> None:
    port = _free_port()
    environment = build_environment(pair.url, tmp_path, static_root, DATABASE_REPLICA_URLS=pair.standby.url(NAME))
    with use_databases(pair.primary.url(NAME)):
        users = [User(port, sign_in(f"user{number}"), number=number) for number in range(count)]
    finished = threading.Event()
    with (
        run_process(environment, tmp_path / "site.log", *gunicorn(port)),
        run_process(environment, tmp_path / "worker.log", "manage.py", "run_jobs"),
    ):
        observer = Browser(port, {**users[0].cookies})
        wait_until(lambda: observer.request("/readyz")[0] == 200, 60)
        threads = [threading.Thread(target=user.work, args=(finished,)) for user in users]
        for thread in threads:
            thread.start()
        try:
            _run_job(observer, pair.primary)
            wait_until(lambda: sum(len(user.acknowledged) for user in users) >= 2 * count, 120)
            lag = "SELECT round(1000 * extract(epoch FROM replay_lag), 1)::float FROM pg_stat_replication"
            ((replay_lag,),) = query(conninfo_to_dict(pair.primary.url(NAME)), lag)
            reads = sum((user.reads for user in users), Counter())
            assert reads["replica1"] > 0
            before = {name for user in users for name in user.acknowledged}
            crashed = time.monotonic()
            pair.primary.stop()
            time.sleep(1)
            promoting = time.monotonic()
            pair.promote()
            promoted = time.monotonic()
            wait_until(lambda: observer.request("/readyz")[0] == 200, LONGEST)
            ready = time.monotonic()
            # Every user can write again.
            wait_until(lambda: all(set(user.acknowledged) - before for user in users), 120)
            _run_job(observer, pair.standby)
        finally:
            finished.set()
            for thread in threads:
                thread.join()
    stored = {name for (name,) in query(conninfo_to_dict(pair.standby.url(NAME)), "SELECT name FROM site_api_tokens")}
    acknowledged = {name for user in users for name in user.acknowledged}
    assert acknowledged - stored == set()
    assert [lost for user in users for lost in user.lost_reads] == []
    answers = sorted(answer for user in users for answer in user.answers)
    written = min(at for at, status in answers if at > promoted and status == 200)
    # Until then users get a page that asks to retry, or their connection ends; no page fails in another way.
    statuses = {status for at, status in answers}
    assert statuses <= {0, 200, 503}, statuses
    assert [at for at, status in answers if at > promoted + LONGEST and status != 200] == []
    figures = {
        "users": count,
        "writes": len(acknowledged),
        "reads before": dict(reads),
        "replay lag, ms": replay_lag,
        "promotion": round(promoted - promoting, 2),
        "ready after promotion": round(ready - promoted, 2),
        "first answer after promotion": round(written - promoted, 2),
        "last failure after crash": round(max(at for at, status in answers if status != 200) - crashed, 2),
    }
    logging.getLogger(__name__).info("%s", figures)


def _run_job(user: Browser, server: Server) -> None:
    """Start an export as a job, and wait until a worker has finished it."""
    keywords = conninfo_to_dict(server.url(NAME))
    state = f"SELECT state FROM site_jobs WHERE kind = '{JOB}' ORDER BY job_id DESC LIMIT 1"
    assert user.request("/exports/links/csv/", {})[0] == 302
    wait_until(lambda: query(keywords, state) == [("done",)], 60)
