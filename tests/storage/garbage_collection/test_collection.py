"""Garbage collection deletes unreferenced objects and is blocked if it would delete too much."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from ncfd_site.core import sql
from ncfd_site.core.progress import Canceled, NullReporter
from storage import deletion, garbage_collection
from storage.content import get_content_store
from storage.garbage_collection import GcBlockedError, GcOptions, GcPreview, collect_garbage, preview_garbage_collection
from storage.models import Document, StorageEvent, StorageObject, StorageTombstone
from tests.storage import store_setup
from tests.storage.content.s3_server import run_s3_server

pytestmark = pytest.mark.django_db

AT_ONCE = GcOptions(retention_minutes=0, max_delete_percent=100)
REPORTER = NullReporter("olga")


def test_unreferenced_objects_are_deleted(local_site: Path) -> None:
    store_setup.upload(b"kept", b"kept too")
    store_setup.add_garbage([b"old", b"old too"])
    result = collect_garbage(AT_ONCE, REPORTER)
    assert (result.row_count, result.row_bytes, result.data.object_count) == (2, 10, 2)
    assert store_setup.list_uris() == {store_setup.build_uri(b"kept"), store_setup.build_uri(b"kept too")}
    store_setup.assert_consistent()
    store_setup.assert_no_leftovers()
    events = StorageEvent.objects.order_by("pk").values_list("action", "actor", "sha256")
    deleted = sorted(hashlib.sha256(one).hexdigest() for one in (b"old", b"old too"))
    assert sorted(events) == sorted(
        [(action, "olga", sha256) for action in ("object_deleted", "bytes_deleted") for sha256 in deleted]
    )


def test_data_is_retained_after_its_row(local_site: Path) -> None:
    store_setup.upload(b"kept")
    store_setup.add_garbage([b"old"])
    assert collect_garbage(GcOptions(max_delete_percent=100), REPORTER).data.object_count == 0
    assert store_setup.build_uri(b"old") in store_setup.list_uris()
    store_setup.expire_tombstones()
    assert collect_garbage(AT_ONCE, REPORTER).data.object_count == 1
    store_setup.assert_no_leftovers()


def test_recent_and_referenced_objects_are_no_candidates(local_site: Path) -> None:
    store_setup.upload(b"kept")
    store_setup.add_garbage([b"old"], days=29)
    assert preview_garbage_collection(AT_ONCE).candidate_count == 0
    assert preview_garbage_collection(GcOptions(grace_days=29)).candidate_count == 1
    assert collect_garbage(AT_ONCE, REPORTER).row_count == 0


def test_candidates_are_deleted_in_pages_and_batches(local_site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage_collection, "PAGE", 7)
    monkeypatch.setattr(garbage_collection, "BATCH", 3)
    monkeypatch.setattr(deletion, "BATCH", 4)
    store_setup.upload(b"kept")
    store_setup.add_garbage([b"%d" % number for number in range(25)])
    # Equal times, so that pages are separated by ID.
    StorageObject.objects.filter(refcount=0).update(last_accessed="2024-01-01T00:00Z")
    result = collect_garbage(AT_ONCE, REPORTER)
    assert (result.row_count, result.data.object_count) == (25, 25)
    store_setup.assert_no_leftovers()


def test_store_without_references_blocks(local_site: Path) -> None:
    store_setup.upload(*(b"%d" % number for number in range(4)))
    with triggers_disabled("storage_references"):
        sql.execute("DELETE FROM storage_references")
    with triggers_disabled("storage_objects"):
        sql.execute("UPDATE storage_objects SET refcount = 0")
    Document.objects.update(object=None, storage_uri="elsewhere")
    store_setup.age_objects()
    with pytest.raises(GcBlockedError, match="4 objects but no references"):
        collect_garbage(AT_ONCE, REPORTER)
    assert StorageObject.objects.count() == len(store_setup.list_uris()) == 4


def test_documents_without_references_block_and_are_kept(local_site: Path) -> None:
    documents = store_setup.upload(*(b"%d" % number for number in range(9)))
    store_setup.add_garbage([b"old"])
    sql.execute("DELETE FROM storage_references WHERE referenced_id = %s", [documents[0]])
    store_setup.age_objects()
    with pytest.raises(GcBlockedError, match="1 objects of documents or studies have no reference"):
        collect_garbage(AT_ONCE, REPORTER)
    result = collect_garbage(GcOptions(retention_minutes=0, allow_missing_references=True), REPORTER)
    assert (result.row_count, StorageObject.objects.count()) == (1, 9)
    store_setup.assert_consistent()


def test_deletion_above_the_limit_blocks(local_site: Path) -> None:
    store_setup.upload(b"kept", b"kept too")
    store_setup.add_garbage([b"old"])
    with pytest.raises(GcBlockedError, match=r"1 of 3 objects \(33.3 %\).*--max-delete-percent 34"):
        collect_garbage(GcOptions(), REPORTER)
    assert collect_garbage(GcOptions(max_delete_percent=34), REPORTER).row_count == 1


def test_all_objects_are_deleted_if_allowed(local_site: Path) -> None:
    store_setup.add_garbage([b"one", b"two"])
    options = GcOptions(retention_minutes=0, max_delete_percent=100, allow_missing_references=True)
    assert collect_garbage(options, REPORTER).row_count == 2
    store_setup.assert_no_leftovers()


def test_candidates_after_the_preview_are_left_to_the_next_run(
    local_site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = store_setup.upload(*(b"%d" % number for number in range(10)))
    store_setup.add_garbage([b"old"])
    preview = preview_garbage_collection

    def preview_and_delete(options: GcOptions) -> GcPreview:
        found = preview(options)
        store_setup.delete_documents(documents)
        store_setup.age_objects()
        return found

    monkeypatch.setattr(garbage_collection, "preview_garbage_collection", preview_and_delete)
    assert collect_garbage(AT_ONCE, REPORTER).row_count == 1


def test_object_uploaded_during_a_run_is_kept(local_site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store_setup.upload(b"kept")
    store_setup.add_garbage([b"uploaded again"])
    delete_due_data = deletion.delete_due_data

    def upload_first(reporter: Any) -> deletion.DeletionResult:
        # The row is deleted, the data not yet.
        assert not StorageObject.objects.filter(refcount=0).exists()
        store_setup.upload(b"uploaded again", name="again")
        return delete_due_data(reporter)

    monkeypatch.setattr(garbage_collection, "delete_due_data", upload_first)
    assert collect_garbage(AT_ONCE, REPORTER).data.object_count == 0
    store_setup.assert_consistent()
    store_setup.assert_no_leftovers()


def test_data_uploaded_after_its_tombstone_is_postponed(local_site: Path) -> None:
    store_setup.upload(b"kept")
    store_setup.add_garbage([b"uploaded before its row"])
    collect_garbage(GcOptions(max_delete_percent=100), REPORTER)
    store_setup.expire_tombstones()
    # The clock of a file system is coarser than that of the database.
    sql.execute("UPDATE storage_tombstones SET created_at = created_at - interval '1 second'")
    get_content_store().put(b"uploaded before its row")
    result = collect_garbage(AT_ONCE, REPORTER)
    assert (result.data.object_count, result.data.postponed_count) == (0, 1)
    assert store_setup.build_uri(b"uploaded before its row") in store_setup.list_uris()
    # It was not referenced.
    store_setup.expire_tombstones()
    assert collect_garbage(AT_ONCE, REPORTER).data.object_count == 1
    store_setup.assert_no_leftovers()


def test_canceled_run_is_resumed_by_the_next(local_site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage_collection, "BATCH", 2)
    store_setup.upload(b"kept")
    store_setup.add_garbage([b"%d" % number for number in range(6)])

    class CancelingReporter(NullReporter):
        def advance(self, count: int = 1, **kwargs: Any) -> None:
            raise Canceled

    with pytest.raises(Canceled):
        collect_garbage(AT_ONCE, CancelingReporter("olga"))
    assert StorageObject.objects.filter(refcount=0).count() == 4
    assert StorageTombstone.objects.count() == 2
    collect_garbage(AT_ONCE, REPORTER)
    store_setup.assert_no_leftovers()


def test_tombstones_of_an_unavailable_store_are_kept(both_tiers: str, settings: Any) -> None:
    store_setup.upload(b"kept")
    store_setup.add_garbage([b"local"])
    stored = get_content_store("s3").put(b"on s3")
    sql.scalar("tombstone_storage_uris", [stored.uri], "0 s", "orphaned", "olga")
    settings.CONTENT_S3_ENDPOINT = "http://127.0.0.1:9"
    result = collect_garbage(AT_ONCE, REPORTER)
    assert result.data.object_count == 1
    ((reason, count),) = result.data.failures.items()
    assert "The S3 content store cannot be reached" in reason
    assert count == 1
    assert StorageTombstone.objects.get().storage_uri == stored.uri
    settings.CONTENT_S3_BUCKET = ""
    ((reason, _),) = collect_garbage(AT_ONCE, REPORTER).data.failures.items()
    assert "Set CONTENT_S3_BUCKET" in reason


def test_tombstones_of_an_unmounted_disk_are_kept(local_site: Path) -> None:
    store_setup.upload(b"kept")
    store_setup.add_garbage([b"old"])
    local_site.rename(local_site.with_name("elsewhere"))
    result = collect_garbage(AT_ONCE, REPORTER)
    ((reason, _),) = result.data.failures.items()
    assert "Check the folder CONTENT_ROOT" in reason
    local_site.with_name("elsewhere").rename(local_site)
    assert collect_garbage(AT_ONCE, REPORTER).data.object_count == 1


def test_missing_bucket_is_not_taken_for_deleted_data(both_tiers: str, settings: Any) -> None:
    with run_s3_server() as empty:
        stored = get_content_store("s3").put(b"on s3")
        sql.scalar("tombstone_storage_uris", [stored.uri], "0 s", "orphaned", "olga")
        settings.CONTENT_S3_ENDPOINT = empty
        ((reason, _),) = collect_garbage(AT_ONCE, REPORTER).data.failures.items()
    assert "has no such bucket" in reason
    assert StorageTombstone.objects.count() == 1


def test_link_is_not_deleted(local_site: Path, tmp_path: Path) -> None:
    store_setup.upload(b"kept")
    store_setup.add_garbage([b"old"])
    path = local_site / store_setup.build_uri(b"old")[8:10] / store_setup.build_uri(b"old")[8:]
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    ((reason, _),) = collect_garbage(AT_ONCE, REPORTER).data.failures.items()
    assert "The file is a link or not a regular file" in reason
    assert path.is_symlink()


class triggers_disabled:  # noqa: N801 (used as a function)
    """Disable the triggers of a table, as a restore does."""

    def __init__(self, table: str) -> None:
        self._table = table

    def __enter__(self) -> None:
        sql.execute("SET CONSTRAINTS ALL IMMEDIATE")
        sql.execute(f"ALTER TABLE {self._table} DISABLE TRIGGER USER")

    def __exit__(self, *error: object) -> None:
        sql.execute("SET CONSTRAINTS ALL IMMEDIATE")
        sql.execute(f"ALTER TABLE {self._table} ENABLE TRIGGER USER")
