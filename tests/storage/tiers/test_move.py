"""Content moves to S3 and back, and at every moment one readable copy lies where its row says."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from ncfd_site.config.errors import ConfigurationError
from ncfd_site.core import sql
from ncfd_site.core.progress import Canceled, NullReporter
from storage import tiers
from storage.cleaning import CleaningOptions, clean
from storage.content import StoreUnavailableError, get_content_store
from storage.models import Document, StorageEvent, StorageObject, StorageTombstone
from storage.tiers import Movable, MoveOptions, movable, move
from tests.storage import stocked

pytestmark = pytest.mark.django_db

CONTROL = NullReporter("olga")
TO_S3 = MoveOptions(to="s3")
TO_DISK = MoveOptions(to="local")
CONTENTS = [b"." * number for number in range(1, 41)]


def sweep() -> None:
    """Delete what was released, as if its time were over."""
    stocked.let_tombstones_be_due()
    clean(CleaningOptions(most_percent=100), CONTROL)


def test_content_moves_to_s3_and_back_with_its_key_and_its_documents(both_tiers: str) -> None:
    documents = stocked.upload(*CONTENTS)
    moved = move(TO_S3, CONTROL)
    assert (moved.contents, moved.size_bytes, moved.failed) == (40, sum(map(len, CONTENTS)), {})
    assert set(StorageObject.objects.values_list("backend_type", "tier")) == {("local", "s3")}
    stocked.require_sound()
    # The old bytes stay for whoever is reading them.
    assert len(stocked.addresses("local")) == len(stocked.addresses("s3")) == 40
    sweep()
    stocked.require_nothing_left_over("local", "s3")
    assert stocked.addresses("local") == set()

    assert move(TO_DISK, CONTROL).contents == 40
    sweep()
    stocked.require_sound()
    stocked.require_nothing_left_over("local", "s3")
    assert stocked.addresses("s3") == set()
    assert Document.objects.filter(storage_uri__startswith="local:").count() == 40
    assert StorageEvent.objects.filter(action="moved", actor="olga").count() == 80
    # Whoever counts by the key finds the content, wherever it lies.
    stocked.delete(documents)
    assert not StorageObject.objects.exclude(refcount=0).exists()


def test_only_what_was_asked_for_moves(both_tiers: str) -> None:
    stocked.upload(b"old", b"old and large")
    stocked.age(50)
    stocked.upload(b"new and large", name="new")
    assert movable(MoveOptions(to="s3", older_than_days=50)) == Movable(2, 16)
    assert movable(MoveOptions(to="s3", older_than_days=51)) == Movable(0, 0)
    assert movable(MoveOptions(to="s3", larger_than=3)) == Movable(2, 26)
    assert movable(MoveOptions(to="s3", older_than_days=50, larger_than=3)) == Movable(1, 13)
    assert movable(MoveOptions(to="s3", limit=1)).contents == 1
    assert movable(TO_DISK) == Movable(0, 0)
    assert move(MoveOptions(to="s3", older_than_days=50, limit=1), CONTROL).contents == 1
    assert len(stocked.addresses("s3")) == 1


def test_content_that_nothing_refers_to_or_with_a_foreign_address_stays(both_tiers: str) -> None:
    stocked.unused([b"unused"])
    stocked.upload(b"foreign")
    StorageObject.objects.filter(refcount=1).update(storage_uri="local://elsewhere")
    assert movable(TO_S3) == Movable(0, 0)


def test_the_same_bytes_in_both_backends_share_what_lies_on_s3(both_tiers: str) -> None:
    stocked.upload(b"twice")
    stocked.upload(b"twice", name="archive", store=get_content_store("s3"))
    assert move(TO_S3, CONTROL).contents == 1
    sweep()
    stocked.require_sound()
    assert stocked.addresses("s3") == {stocked.address_of(b"twice", "s3")}
    # One of them moves back: the other still names the bytes.
    assert move(MoveOptions(to="local", limit=1), CONTROL).contents == 1
    sweep()
    stocked.require_sound()
    assert stocked.addresses("s3") == {stocked.address_of(b"twice", "s3")}


def test_known_content_that_has_moved_is_put_where_it_lies(both_tiers: str) -> None:
    stocked.upload(b"known")
    move(TO_S3, CONTROL)
    sweep()
    get_content_store("s3").delete(stocked.address_of(b"known", "s3"))
    stocked.upload(b"known", name="again")
    stocked.require_sound()
    stocked.require_nothing_left_over("local", "s3")


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "damaged": (lambda path: path.write_bytes(b"other bytes"), "is corrupt"),
    "missing": (lambda path: path.unlink(), "has no object at"),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGES.values(), ids=DAMAGES)
def test_content_that_cannot_be_read_stays_and_is_named_and_the_rest_moves(
    both_tiers: str, local_site: Path, damage: Callable[[Path], object], words: str
) -> None:
    stocked.upload(b"sound", b"not sound")
    sha256 = hashlib.sha256(b"not sound").hexdigest()
    damage(local_site / sha256[:2] / sha256)
    moved = move(TO_S3, CONTROL)
    one = StorageObject.objects.get(sha256=sha256)
    assert moved.contents == 1
    assert words in moved.failed[one.pk]
    assert one.storage_uri == f"local://{sha256}"
    # The copy that never came to be was announced, and nothing is there.
    sweep()
    assert stocked.addresses("s3") == {stocked.address_of(b"sound", "s3")}


def test_a_service_that_fails_stops_the_move_and_what_moved_stays_moved(
    both_tiers: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiers, "WRITERS", 4)
    stocked.upload(*CONTENTS[:12])
    copy, copied = tiers._copy, []

    def failing(*arguments: Any) -> Any:
        copied.append(1)
        return StoreUnavailableError("The S3 content store fails.") if len(copied) > 6 else copy(*arguments)

    monkeypatch.setattr(tiers, "_copy", failing)
    with pytest.raises(StoreUnavailableError):
        move(TO_S3, CONTROL)
    assert StorageObject.objects.filter(tier="s3").count() == 6
    stocked.require_sound()
    monkeypatch.setattr(tiers, "_copy", copy)
    assert move(TO_S3, CONTROL).contents == 6
    sweep()
    stocked.require_sound()
    stocked.require_nothing_left_over("local", "s3")


def test_a_store_that_is_not_set_up_is_told_before_anything_is_touched(local_site: Path) -> None:
    stocked.upload(b"content")
    with pytest.raises(ConfigurationError, match="Set CONTENT_S3_BUCKET"):
        move(TO_S3, CONTROL)
    assert not StorageTombstone.objects.exists()


def test_a_move_is_stopped_between_two_batches(both_tiers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "WRITERS", 3)
    stocked.upload(*CONTENTS[:7])

    class Stopped(NullReporter):
        def advance(self, count: int = 1, **kwargs: Any) -> None:
            raise Canceled

    with pytest.raises(Canceled):
        move(TO_S3, Stopped("olga"))
    assert StorageObject.objects.filter(tier="s3").count() == 3
    stocked.require_sound()


def test_content_that_is_deleted_while_it_is_copied_is_passed_over_and_leaves_nothing(
    both_tiers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (document,) = stocked.upload(b"goes")
    switch = tiers._switch

    def deleted_before(*arguments: Any) -> bool:
        with transaction.atomic():
            stocked.delete([document])
            sql.execute("DELETE FROM storage_objects")
        return switch(*arguments)

    monkeypatch.setattr(tiers, "_switch", deleted_before)
    moved = move(TO_S3, CONTROL)
    assert (moved.contents, moved.meanwhile) == (0, 1)
    sweep()
    stocked.require_nothing_left_over("local", "s3")
