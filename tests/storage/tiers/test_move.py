"""Moves between tiers: a readable copy exists at the URI of the row at all times."""

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
from storage.content import get_content_store
from storage.content.base import StoreUnavailableError
from storage.garbage_collection import GcOptions, collect_garbage
from storage.models import Document, StorageEvent, StorageObject, StorageTombstone
from storage.tiers import MoveOptions, MovePreview, move_objects, preview_move
from tests.storage import store_setup

pytestmark = pytest.mark.django_db

REPORTER = NullReporter("olga")
TO_S3 = MoveOptions(to="s3")
TO_DISK = MoveOptions(to="local")
ITEMS = [b"." * number for number in range(1, 41)]


def expire_and_collect() -> None:
    """Collect garbage after the retention."""
    store_setup.expire_tombstones()
    collect_garbage(GcOptions(max_delete_percent=100), REPORTER)


def test_objects_and_documents_move_to_s3_and_back(both_tiers: str) -> None:
    documents = store_setup.upload(*ITEMS)
    result = move_objects(TO_S3, REPORTER)
    assert (result.object_count, result.size_bytes, result.failures) == (40, sum(map(len, ITEMS)), {})
    assert set(StorageObject.objects.values_list("backend_type", "tier")) == {("local", "s3")}
    store_setup.assert_consistent()
    # The old data is kept for readers.
    assert len(store_setup.list_uris("local")) == len(store_setup.list_uris("s3")) == 40
    expire_and_collect()
    store_setup.assert_no_leftovers("local", "s3")
    assert store_setup.list_uris("local") == set()

    assert move_objects(TO_DISK, REPORTER).object_count == 40
    expire_and_collect()
    store_setup.assert_consistent()
    store_setup.assert_no_leftovers("local", "s3")
    assert store_setup.list_uris("s3") == set()
    assert Document.objects.filter(storage_uri__startswith="local:").count() == 40
    assert StorageEvent.objects.filter(action="moved", actor="olga").count() == 80
    # References are released by hash and backend in any tier.
    store_setup.delete_documents(documents)
    assert not StorageObject.objects.exclude(refcount=0).exists()


def test_only_selected_objects_move(both_tiers: str) -> None:
    store_setup.upload(b"old", b"old and large")
    store_setup.age_objects(50)
    store_setup.upload(b"new and large", name="new")
    assert preview_move(MoveOptions(to="s3", older_than_days=50)) == MovePreview(2, 16)
    assert preview_move(MoveOptions(to="s3", older_than_days=51)) == MovePreview(0, 0)
    assert preview_move(MoveOptions(to="s3", larger_than=3)) == MovePreview(2, 26)
    assert preview_move(MoveOptions(to="s3", older_than_days=50, larger_than=3)) == MovePreview(1, 13)
    assert preview_move(MoveOptions(to="s3", limit=1)).object_count == 1
    assert preview_move(TO_DISK) == MovePreview(0, 0)
    assert move_objects(MoveOptions(to="s3", older_than_days=50, limit=1), REPORTER).object_count == 1
    assert len(store_setup.list_uris("s3")) == 1


def test_unreferenced_objects_and_foreign_uris_are_not_moved(both_tiers: str) -> None:
    store_setup.add_garbage([b"unused"])
    store_setup.upload(b"foreign")
    StorageObject.objects.filter(refcount=1).update(storage_uri="local://elsewhere")
    assert preview_move(TO_S3) == MovePreview(0, 0)


def test_equal_objects_of_both_backends_share_data(both_tiers: str) -> None:
    store_setup.upload(b"twice")
    store_setup.upload(b"twice", name="archive", store=get_content_store("s3"))
    assert move_objects(TO_S3, REPORTER).object_count == 1
    expire_and_collect()
    store_setup.assert_consistent()
    assert store_setup.list_uris("s3") == {store_setup.build_uri(b"twice", "s3")}
    # One of them moves back; the other still uses the data.
    assert move_objects(MoveOptions(to="local", limit=1), REPORTER).object_count == 1
    expire_and_collect()
    store_setup.assert_consistent()
    assert store_setup.list_uris("s3") == {store_setup.build_uri(b"twice", "s3")}


def test_upload_of_a_moved_object_uses_its_current_uri(both_tiers: str) -> None:
    store_setup.upload(b"known")
    move_objects(TO_S3, REPORTER)
    expire_and_collect()
    get_content_store("s3").delete(store_setup.build_uri(b"known", "s3"))
    store_setup.upload(b"known", name="again")
    store_setup.assert_consistent()
    store_setup.assert_no_leftovers("local", "s3")


PROBLEMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "corrupt": (lambda path: path.write_bytes(b"other bytes"), "is corrupt"),
    "missing": (lambda path: path.unlink(), "has no object at"),
}


@pytest.mark.parametrize(("damage", "reason"), PROBLEMS.values(), ids=PROBLEMS)
def test_unreadable_objects_stay_and_are_reported(
    both_tiers: str, local_site: Path, damage: Callable[[Path], object], reason: str
) -> None:
    store_setup.upload(b"intact", b"not intact")
    sha256 = hashlib.sha256(b"not intact").hexdigest()
    damage(local_site / sha256[:2] / sha256)
    result = move_objects(TO_S3, REPORTER)
    row = StorageObject.objects.get(sha256=sha256)
    assert result.object_count == 1
    assert reason in result.failures[row.pk]
    assert row.storage_uri == f"local://{sha256}"
    # The announced copy does not exist.
    expire_and_collect()
    assert store_setup.list_uris("s3") == {store_setup.build_uri(b"intact", "s3")}


def test_failing_service_stops_the_move_and_keeps_moved_objects(
    both_tiers: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiers, "WRITERS", 4)
    store_setup.upload(*ITEMS[:12])
    copy, copied = tiers._copy, []

    def fail_after_six(*arguments: Any) -> Any:
        copied.append(1)
        return StoreUnavailableError("The S3 content store failed.") if len(copied) > 6 else copy(*arguments)

    monkeypatch.setattr(tiers, "_copy", fail_after_six)
    with pytest.raises(StoreUnavailableError):
        move_objects(TO_S3, REPORTER)
    assert StorageObject.objects.filter(tier="s3").count() == 6
    store_setup.assert_consistent()
    monkeypatch.setattr(tiers, "_copy", copy)
    assert move_objects(TO_S3, REPORTER).object_count == 6
    expire_and_collect()
    store_setup.assert_consistent()
    store_setup.assert_no_leftovers("local", "s3")


def test_unconfigured_store_is_reported_before_any_change(local_site: Path) -> None:
    store_setup.upload(b"content")
    with pytest.raises(ConfigurationError, match="Set CONTENT_S3_BUCKET"):
        move_objects(TO_S3, REPORTER)
    assert not StorageTombstone.objects.exists()


def test_move_is_canceled_between_batches(both_tiers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers, "WRITERS", 3)
    store_setup.upload(*ITEMS[:7])

    class CancelingReporter(NullReporter):
        def advance(self, count: int = 1, **kwargs: Any) -> None:
            raise Canceled

    with pytest.raises(Canceled):
        move_objects(TO_S3, CancelingReporter("olga"))
    assert StorageObject.objects.filter(tier="s3").count() == 3
    store_setup.assert_consistent()


def test_object_deleted_during_its_move_is_skipped(both_tiers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (document,) = store_setup.upload(b"deleted")
    switch = tiers._switch_backend

    def delete_first(*arguments: Any) -> bool:
        with transaction.atomic():
            store_setup.delete_documents([document])
            sql.execute("DELETE FROM storage_objects")
        return switch(*arguments)

    monkeypatch.setattr(tiers, "_switch_backend", delete_first)
    result = move_objects(TO_S3, REPORTER)
    assert (result.object_count, result.changed_count) == (0, 1)
    expire_and_collect()
    store_setup.assert_no_leftovers("local", "s3")
