"""Continuous garbage collection and moves lose no data of concurrent writers."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ncfd_site.core.progress import NullReporter
from storage.content import ContentStore, get_content_store
from storage.garbage_collection import collect_garbage
from storage.models import StorageEvent
from storage.tiers import MoveOptions, move_objects
from tests.storage.soak.invariants import AT_ONCE, assert_converges, assert_nothing_lost
from tests.storage.soak.workload import Reader, Writer, run_concurrently

pytestmark = pytest.mark.django_db(transaction=True)


SHORT = 3.0
# Minimum activity, however slow the machine.
MIN_READS, MIN_DELETED = 100, 50


def read_duration() -> float:
    """Return the seconds of SOAK_MINUTES, by default an hour."""
    return 60 * float(os.environ.get("SOAK_MINUTES", "60"))


def upload_and_collect(
    seconds: float, store: ContentStore, *backends: str, additional: tuple[Callable[[], object], ...] = ()
) -> None:
    writers = [Writer(number, store) for number in range(4)]
    reader = Reader()
    actions = [
        *(writer.act for writer in writers),
        reader.act,
        lambda: collect_garbage(AT_ONCE, NullReporter("olga")),
        *additional,
    ]

    def is_active_enough() -> bool:
        reads = sum(writer.read_count for writer in writers) + reader.read_count
        return reads >= MIN_READS and StorageEvent.objects.filter(action="bytes_deleted").count() >= MIN_DELETED

    started = time.monotonic()
    with run_concurrently(actions) as failed:
        while not failed.wait(0.5) and (time.monotonic() - started < seconds or not is_active_enough()):
            pass
    for writer in writers:
        for number in writer.documents:
            writer.read(number)
    assert_nothing_lost(*backends)
    assert_converges(*backends)


def test_garbage_collection_loses_no_data(local_site: Path) -> None:
    upload_and_collect(SHORT, get_content_store(), "local")


@pytest.mark.soak
def test_an_hour_on_disk_loses_no_data(local_site: Path) -> None:
    upload_and_collect(read_duration(), get_content_store(), "local")


@pytest.mark.soak
def test_an_hour_on_s3_with_moves_loses_no_data(both_tiers: str) -> None:
    def move_there_and_back() -> None:
        move_objects(MoveOptions(to="local", limit=20), NullReporter("olga"))
        move_objects(MoveOptions(to="s3", limit=20), NullReporter("olga"))

    upload_and_collect(read_duration(), get_content_store("s3"), "local", "s3", additional=(move_there_and_back,))
