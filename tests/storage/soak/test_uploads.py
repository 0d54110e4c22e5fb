"""People add, read and delete documents for a while, and content is cleaned all the time: nobody misses a byte."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ncfd_site.core.progress import NullReporter
from storage.cleaning import clean
from storage.content import ContentStore, get_content_store
from storage.models import StorageEvent
from storage.tiers import MoveOptions, move
from tests.storage.soak.keepers import Keeper, Reader, at_work
from tests.storage.soak.sound import AT_ONCE, require_convergence, require_no_missing_byte

pytestmark = pytest.mark.django_db(transaction=True)


SHORT = 10.0
# It goes on until so much has happened, on however slow a machine: without it there would be nothing to see.
LEAST_READS, LEAST_DELETED = 100, 50


def whole() -> float:
    """As many seconds as SOAK_MINUTES says, an hour unless told."""
    return 60 * float(os.environ.get("SOAK_MINUTES", "60"))


def upload_and_clean(
    seconds: float, store: ContentStore, *backends: str, beside: tuple[Callable[[], object], ...] = ()
) -> None:
    keepers = [Keeper(number, store) for number in range(4)]
    reader = Reader()
    acts = [
        *(keeper.act for keeper in keepers),
        reader.act,
        lambda: clean(AT_ONCE, NullReporter("olga")),
        *beside,
    ]

    def has_seen_enough() -> bool:
        reads = sum(keeper.reads for keeper in keepers) + reader.reads
        return reads >= LEAST_READS and StorageEvent.objects.filter(action="bytes_deleted").count() >= LEAST_DELETED

    begun = time.monotonic()
    with at_work(acts) as failed:
        while not failed.wait(0.5) and (time.monotonic() - begun < seconds or not has_seen_enough()):
            pass
    for keeper in keepers:
        for number in keeper.documents:
            keeper.read(number)
    require_no_missing_byte(*backends)
    require_convergence(*backends)


def test_nobody_misses_a_byte_while_content_is_cleaned(local_site: Path) -> None:
    upload_and_clean(SHORT, get_content_store(), "local")


@pytest.mark.soak
def test_nobody_misses_a_byte_for_an_hour_on_disk(local_site: Path) -> None:
    upload_and_clean(whole(), get_content_store(), "local")


@pytest.mark.soak
def test_nobody_misses_a_byte_for_an_hour_on_s3_while_content_moves(both_tiers: str) -> None:
    def there_and_back() -> None:
        move(MoveOptions(to="local", limit=20), NullReporter("olga"))
        move(MoveOptions(to="s3", limit=20), NullReporter("olga"))

    upload_and_clean(whole(), get_content_store("s3"), "local", "s3", beside=(there_and_back,))
