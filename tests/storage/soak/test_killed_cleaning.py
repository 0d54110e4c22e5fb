"""A cleaning that is killed at any moment, while others add and delete documents, costs nobody a byte."""

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
from django.conf import settings as site
from django.db import connection
from psycopg.conninfo import make_conninfo

from storage.content import get_content_store
from storage.models import StorageEvent
from tests.storage import stocked
from tests.storage.soak.keepers import Keeper, at_work
from tests.storage.soak.sound import require_convergence, require_no_missing_byte

pytestmark = pytest.mark.django_db(transaction=True)

CLEAN = ["storage_gc", "--delete", "--grace-days=0", "--keep-minutes=0", "--most-percent=100"]
KEEPERS = 3


@dataclass(frozen=True)
class Length:
    """How often a cleaning is killed, and how many contents each of them finds beside what the keepers release."""

    kills: int
    unused: int


SHORT, WHOLE = Length(2, 300), Length(20, 2_000)


def started() -> subprocess.Popen[str]:
    """A cleaning in a process of its own, on the database and the store of the test."""
    parameters = connection.get_connection_params()
    address = {name: parameters[name] for name in ("host", "port", "user", "dbname") if name in parameters}
    variables = {
        "DATABASE_URL": make_conninfo(**address),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "localhost",
        "CONTENT_ROOT": str(site.CONTENT_ROOT),
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", *CLEAN],
        cwd=site.BASE_DIR,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def begun(cleaning: subprocess.Popen[str], since: int) -> bool:
    """Wait until it has deleted its first rows, or has ended."""
    while cleaning.poll() is None:
        if StorageEvent.objects.filter(pk__gt=since, action="object_deleted").exists():
            return True
        time.sleep(0.005)
    return False


def last_event() -> int:
    return StorageEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def run_to_death(chance: random.Random, longest: float) -> tuple[bool, float]:
    """Start a cleaning and kill it so many seconds after its first row at most; whether it died, and after how long."""
    since = last_event()
    cleaning = started()
    is_under_way = begun(cleaning, since)
    first = time.monotonic()
    with suppress(subprocess.TimeoutExpired):
        cleaning.wait(chance.uniform(0, longest) if math.isfinite(longest) else None)
    cleaning.send_signal(signal.SIGKILL)
    _, errors = cleaning.communicate()
    assert is_under_way, errors
    assert cleaning.returncode in (0, -signal.SIGKILL), errors
    return cleaning.returncode != 0, time.monotonic() - first


def kill_and_look(length: Length) -> None:
    chance = random.Random(length.kills)
    keepers = [Keeper(number, get_content_store()) for number in range(KEEPERS)]
    # The first one is left alone: it tells how long one takes.
    longest, killed = math.inf, 0
    for attempt in itertools.count():
        unused = [b"unused %d %d" % (attempt, number) for number in range(length.unused)]
        stocked.delete(stocked.upload(*unused, name=f"unused/{attempt}"))
        with at_work([keeper.act for keeper in keepers]):
            was_killed, seconds = run_to_death(chance, longest)
        require_no_missing_byte("local")
        for keeper in keepers:
            for number in keeper.documents:
                keeper.read(number)
        if was_killed:
            killed += 1
        else:
            longest = min(longest, seconds)
        if killed == length.kills:
            break
    require_convergence("local")


def test_a_killed_cleaning_costs_nobody_a_byte(local_site: Path) -> None:
    kill_and_look(SHORT)


@pytest.mark.soak
def test_twenty_killed_cleanings_cost_nobody_a_byte(local_site: Path) -> None:
    kill_and_look(WHOLE)
