"""A garbage collection killed at any time, concurrently with writers, loses no data."""

import itertools
import math
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings as site_settings
from django.db import connection
from psycopg.conninfo import make_conninfo

from storage.content import get_content_store
from storage.models import StorageEvent
from tests.storage import store_setup
from tests.storage.soak.invariants import assert_converges, assert_nothing_lost
from tests.storage.soak.workload import Writer, run_concurrently

pytestmark = pytest.mark.django_db(transaction=True)

COLLECT = ["storage_gc", "--delete", "--grace-days=0", "--retention-minutes=0", "--max-delete-percent=100"]
WRITERS = 3


@dataclass(frozen=True)
class Length:
    """Number of kills, and of garbage objects per run in addition to those of the writers."""

    kills: int
    garbage_count: int


SHORT, FULL = Length(1, 150), Length(20, 2_000)


def start_collection() -> subprocess.Popen[str]:
    """Start a garbage collection in a child process with the test's database and store."""
    parameters = connection.get_connection_params()
    address = {name: parameters[name] for name in ("host", "port", "user", "dbname") if name in parameters}
    variables = {
        "DATABASE_URL": make_conninfo(**address),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "localhost",
        "CONTENT_ROOT": str(site_settings.CONTENT_ROOT),
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", *COLLECT],
        cwd=site_settings.BASE_DIR,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_start(process: subprocess.Popen[str], since: int) -> bool:
    """Wait until the first rows are deleted; return False if the process ends before."""
    deletions = StorageEvent.objects.filter(pk__gt=since, action="object_deleted")
    while process.poll() is None and not deletions.exists():
        time.sleep(0.005)
    return deletions.exists()


def read_last_event() -> int:
    return StorageEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def run_and_kill(rng: random.Random, longest: float) -> tuple[bool, float]:
    """Start a run and kill it at a random time; return whether it was killed, and after how many seconds."""
    since = read_last_event()
    process = start_collection()
    is_started = wait_for_start(process, since)
    first = time.monotonic()
    with suppress(subprocess.TimeoutExpired):
        process.wait(rng.uniform(0, longest) if math.isfinite(longest) else None)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert is_started, errors
    assert process.returncode in (0, -signal.SIGKILL), errors
    return process.returncode != 0, time.monotonic() - first


def kill_and_verify(length: Length) -> None:
    rng = random.Random(length.kills)
    writers = [Writer(number, get_content_store()) for number in range(WRITERS)]
    # The first run is not killed; it measures the duration.
    longest, killed = math.inf, 0
    for attempt in itertools.count():
        garbage = [b"garbage %d %d" % (attempt, number) for number in range(length.garbage_count)]
        store_setup.delete_documents(store_setup.upload(*garbage, name=f"unused/{attempt}"))
        with run_concurrently([writer.act for writer in writers]):
            was_killed, seconds = run_and_kill(rng, longest)
        assert_nothing_lost("local")
        for writer in writers:
            for number in writer.documents:
                writer.read(number)
        if was_killed:
            killed += 1
        else:
            longest = min(longest, seconds)
        if killed == length.kills:
            break
    assert_converges("local")


def test_killed_garbage_collection_loses_no_data(local_site: Path) -> None:
    kill_and_verify(SHORT)


@pytest.mark.soak
def test_twenty_killed_garbage_collections_lose_no_data(local_site: Path) -> None:
    kill_and_verify(FULL)
