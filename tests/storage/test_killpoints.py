"""A command killed at any step loses no data, and the next run completes its work."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.core.management import call_command
from django.db import connection
from psycopg.conninfo import make_conninfo

from storage.content import get_content_store
from storage.models import StorageObject
from tests.storage import killpoints, store_setup
from tests.storage.conftest import ACCESS_KEY, SECRET_KEY
from tests.storage.content.harness import BUCKET

pytestmark = pytest.mark.django_db(transaction=True)

COLLECT = ["storage_gc", "--delete", "--retention-minutes", "0", "--max-delete-percent", "100"]
MOVE = ["storage_tier", "s3", "--move"]
GC_STEPS = [
    "gc: before any row",
    "gc: rows deleted and not committed",
    "gc: rows committed",
    "gc: before any data",
    "gc: some data deleted",
    "gc: data deleted",
    "gc: tombstones deleted and not committed",
    "gc: before the second batch of data",
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


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    killpoints.use_small_batches(monkeypatch.setattr)


def kill(command: list[str], step: str) -> None:
    """Run a management command in a process with the test's database and stores, and kill it at a step."""
    parameters = connection.get_connection_params()
    keywords: dict[str, Any] = {key: parameters[key] for key in ("host", "user", "dbname") if key in parameters}
    variables = {
        "DATABASE_URL": make_conninfo(**keywords),
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "localhost",
        "CONTENT_ROOT": str(site_settings.CONTENT_ROOT),
        "CONTENT_S3_BUCKET": BUCKET if site_settings.CONTENT_S3_ENDPOINT else "",
        "CONTENT_S3_PREFIX": site_settings.CONTENT_S3_PREFIX,
        "CONTENT_S3_ENDPOINT": site_settings.CONTENT_S3_ENDPOINT,
        "CONTENT_S3_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.storage.killpoints", step, *command],
        cwd=site_settings.BASE_DIR,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("step", GC_STEPS)
def test_killed_garbage_collection_is_completed_by_the_next(local_site: Path, step: str) -> None:
    kept = [b"kept %d" % number for number in range(5)]
    store_setup.upload(*kept)
    store_setup.add_garbage([b"unused %d" % number for number in range(8)])

    kill(COLLECT, step)

    store_setup.assert_consistent()
    call_command(*COLLECT)
    store_setup.assert_consistent()
    store_setup.assert_no_leftovers()
    assert StorageObject.objects.count() == 5


@pytest.mark.parametrize("step", MOVE_STEPS)
def test_killed_move_keeps_objects_readable_and_is_completed_by_the_next(
    both_tiers: str, step: str, settings: Any
) -> None:
    store_setup.upload(*(b"object %d" % number for number in range(7)))

    kill(MOVE, step)

    store_setup.assert_consistent()
    call_command(*MOVE)
    assert StorageObject.objects.filter(tier="s3").count() == 7
    store_setup.expire_tombstones()
    call_command(*COLLECT)
    store_setup.assert_consistent()
    store_setup.assert_no_leftovers("local", "s3")


def test_copy_of_a_killed_move_is_garbage_collected(both_tiers: str) -> None:
    store_setup.upload(*(b"object %d" % number for number in range(3)))
    kill(MOVE, "move: before the switch")
    assert len(list(get_content_store("s3").list_objects())) == 3
    store_setup.expire_tombstones()
    call_command(*COLLECT)
    store_setup.assert_consistent()
    store_setup.assert_no_leftovers("local", "s3")
