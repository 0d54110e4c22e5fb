"""Whoever is killed at any step leaves bytes too many and never too few, and the next run finishes the work."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.db import connection
from psycopg.conninfo import make_conninfo

from storage.content import get_content_store
from storage.models import StorageObject
from tests.storage import stocked
from tests.storage.conftest import ACCESS_KEY, SECRET_KEY
from tests.storage.content.harness import BUCKET

pytestmark = pytest.mark.django_db(transaction=True)

CLEAN = ["storage_gc", "--delete", "--keep-minutes", "0", "--most-percent", "100"]
MOVE = ["storage_tier", "s3", "--move"]
GC_STEPS = [
    "gc: before any row",
    "gc: rows deleted and not committed",
    "gc: rows committed",
    "gc: before any bytes",
    "gc: some bytes deleted",
    "gc: bytes deleted",
    "gc: tombstones deleted and not committed",
    "gc: before the second batch of bytes",
]
MOVE_STEPS = [
    "move: before the announcement",
    "move: announced",
    "move: some copied",
    "move: before the switch",
    "move: switched and not committed",
    "move: some switched",
    "move: the first batch moved",
]


def run(command: list[str], step: str = "") -> int:
    """Run a command of manage.py on the database and the stores of the test, killed at a step; its exit code."""
    parameters = connection.get_connection_params()
    keywords: dict[str, Any] = {key: parameters[key] for key in ("host", "user", "dbname") if key in parameters}
    variables = {
        "DATABASE_URL": make_conninfo(**keywords),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "localhost",
        "CONTENT_ROOT": str(site.CONTENT_ROOT),
        "CONTENT_S3_BUCKET": BUCKET if site.CONTENT_S3_ENDPOINT else "",
        "CONTENT_S3_PREFIX": site.CONTENT_S3_PREFIX,
        "CONTENT_S3_ENDPOINT": site.CONTENT_S3_ENDPOINT,
        "CONTENT_S3_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.storage.killed", step, *command],
        cwd=site.BASE_DIR,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


@pytest.mark.parametrize("step", GC_STEPS)
def test_a_killed_cleaning_is_finished_by_the_next_one(local_site: Path, step: str) -> None:
    kept = [b"kept %d" % number for number in range(5)]
    stocked.upload(*kept)
    stocked.unused([b"unused %d" % number for number in range(8)])

    assert run(CLEAN, step) == -signal.SIGKILL

    stocked.require_sound()
    assert run(CLEAN) == 0
    stocked.require_sound()
    stocked.require_nothing_left_over()
    assert StorageObject.objects.count() == 5


@pytest.mark.parametrize("step", MOVE_STEPS)
def test_a_killed_move_leaves_every_content_readable_and_is_finished_by_the_next_one(
    both_tiers: str, step: str, settings: Any
) -> None:
    stocked.upload(*(b"content %d" % number for number in range(7)))

    assert run(MOVE, step) == -signal.SIGKILL

    stocked.require_sound()
    assert run(MOVE) == 0
    assert StorageObject.objects.filter(tier="s3").count() == 7
    stocked.let_tombstones_be_due()
    assert run(CLEAN) == 0
    stocked.require_sound()
    stocked.require_nothing_left_over("local", "s3")


def test_a_copy_that_nobody_came_back_for_goes_by_itself(both_tiers: str) -> None:
    stocked.upload(*(b"content %d" % number for number in range(3)))
    assert run(MOVE, "move: before the switch") == -signal.SIGKILL
    assert len(list(get_content_store("s3").list_objects())) == 3
    stocked.let_tombstones_be_due()
    assert run(CLEAN) == 0
    stocked.require_sound()
    stocked.require_nothing_left_over("local", "s3")
