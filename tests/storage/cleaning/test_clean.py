"""A cleaning takes what nothing refers to, and refuses where it would take too much."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from ncfd_site.core import sql
from ncfd_site.core.progress import Canceled, NullReporter
from storage import cleaning, deleting
from storage.cleaning import CleaningOptions, CleaningRefused, clean, survey
from storage.content import get_content_store
from storage.models import Document, StorageEvent, StorageObject, StorageTombstone
from tests.storage import stocked
from tests.storage.content.s3_server import run_s3_server

pytestmark = pytest.mark.django_db

AT_ONCE = CleaningOptions(keep_minutes=0, most_percent=100)
CONTROL = NullReporter("olga")


def test_what_nothing_refers_to_goes_and_the_rest_stays(local_site: Path) -> None:
    stocked.upload(b"kept", b"kept too")
    stocked.unused([b"gone", b"gone too"])
    done = clean(AT_ONCE, CONTROL)
    assert (done.rows, done.row_bytes, done.bytes.contents) == (2, 12, 2)
    assert stocked.addresses() == {stocked.address_of(b"kept"), stocked.address_of(b"kept too")}
    stocked.require_sound()
    stocked.require_nothing_left_over()
    told = StorageEvent.objects.order_by("pk").values_list("action", "actor", "sha256")
    gone = sorted(hashlib.sha256(one).hexdigest() for one in (b"gone", b"gone too"))
    assert sorted(told) == sorted(
        [(act, "olga", sha256) for act in ("object_deleted", "bytes_deleted") for sha256 in gone]
    )


def test_bytes_stay_for_a_while_after_their_row(local_site: Path) -> None:
    stocked.upload(b"kept")
    stocked.unused([b"gone"])
    assert clean(CleaningOptions(most_percent=100), CONTROL).bytes.contents == 0
    assert stocked.address_of(b"gone") in stocked.addresses()
    stocked.let_tombstones_be_due()
    assert clean(AT_ONCE, CONTROL).bytes.contents == 1
    stocked.require_nothing_left_over()


def test_content_that_is_young_or_referred_to_is_no_candidate(local_site: Path) -> None:
    stocked.upload(b"kept")
    stocked.unused([b"gone"], days=29)
    assert survey(AT_ONCE).candidates == 0
    assert survey(CleaningOptions(grace_days=29)).candidates == 1
    assert clean(AT_ONCE, CONTROL).rows == 0


def test_many_go_in_pages_and_batches(local_site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "PAGE", 7)
    monkeypatch.setattr(cleaning, "BATCH", 3)
    monkeypatch.setattr(deleting, "BATCH", 4)
    stocked.upload(b"kept")
    stocked.unused([b"%d" % number for number in range(25)])
    # Of equal age, so that the pages are told apart by their numbers.
    StorageObject.objects.filter(refcount=0).update(last_accessed="2024-01-01T00:00Z")
    done = clean(AT_ONCE, CONTROL)
    assert (done.rows, done.bytes.contents) == (25, 25)
    stocked.require_nothing_left_over()


# Refusals


def test_a_store_without_a_single_reference_is_refused(local_site: Path) -> None:
    stocked.upload(*(b"%d" % number for number in range(4)))
    with sql_triggers_disabled("storage_references"):
        sql.execute("DELETE FROM storage_references")
    with sql_triggers_disabled("storage_objects"):
        sql.execute("UPDATE storage_objects SET refcount = 0")
    Document.objects.update(object=None, storage_uri="elsewhere")
    stocked.age()
    with pytest.raises(CleaningRefused, match="4 contents and not a single reference: the references look lost"):
        clean(AT_ONCE, CONTROL)
    assert StorageObject.objects.count() == len(stocked.addresses()) == 4


def test_owners_without_references_are_refused_and_kept_all_the_same(local_site: Path) -> None:
    documents = stocked.upload(*(b"%d" % number for number in range(9)))
    stocked.unused([b"gone"])
    sql.execute("DELETE FROM storage_references WHERE referenced_id = %s", [documents[0]])
    stocked.age()
    with pytest.raises(CleaningRefused, match="point to 1 contents that have no reference: references look lost"):
        clean(AT_ONCE, CONTROL)
    done = clean(CleaningOptions(keep_minutes=0, despite_lost_references=True), CONTROL)
    assert (done.rows, StorageObject.objects.count()) == (1, 9)
    stocked.require_sound()


def test_more_than_a_share_is_refused_and_the_share_that_lets_it_is_named(local_site: Path) -> None:
    stocked.upload(b"kept", b"kept too")
    stocked.unused([b"gone"])
    with pytest.raises(
        CleaningRefused, match=r"1 of 3 contents would go \(33.3 %\), more than 25 %.*--most-percent 34"
    ):
        clean(CleaningOptions(), CONTROL)
    assert clean(CleaningOptions(most_percent=34), CONTROL).rows == 1


def test_everything_goes_where_that_is_said_twice(local_site: Path) -> None:
    stocked.unused([b"one", b"two"])
    options = CleaningOptions(keep_minutes=0, most_percent=100, despite_lost_references=True)
    assert clean(options, CONTROL).rows == 2
    stocked.require_nothing_left_over()


# What happens meanwhile


def test_what_became_a_candidate_after_the_survey_waits_for_the_next_run(
    local_site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = stocked.upload(*(b"%d" % number for number in range(10)))
    stocked.unused([b"gone"])
    asked = cleaning.survey

    def surveyed(options: CleaningOptions) -> cleaning.Survey:
        found = asked(options)
        stocked.delete(documents)
        stocked.age()
        return found

    monkeypatch.setattr(cleaning, "survey", surveyed)
    assert clean(AT_ONCE, CONTROL).rows == 1


def test_known_content_that_comes_back_during_a_cleaning_ends_readable(
    local_site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stocked.upload(b"kept")
    stocked.unused([b"comes back"])
    delete_bytes = deleting.delete_due_bytes

    def uploaded_before(control: Any) -> deleting.Deleted:
        # Its row is gone by now, and its bytes are about to go.
        assert not StorageObject.objects.filter(refcount=0).exists()
        stocked.upload(b"comes back", name="again")
        return delete_bytes(control)

    monkeypatch.setattr(cleaning, "delete_due_bytes", uploaded_before)
    assert clean(AT_ONCE, CONTROL).bytes.contents == 0
    stocked.require_sound()
    stocked.require_nothing_left_over()


def test_bytes_that_were_put_since_their_row_went_get_another_hour(local_site: Path) -> None:
    stocked.upload(b"kept")
    stocked.unused([b"put first, named later"])
    clean(CleaningOptions(most_percent=100), CONTROL)
    stocked.let_tombstones_be_due()
    # The clock of a file system is coarser than that of the database.
    sql.execute("UPDATE storage_tombstones SET created_at = created_at - interval '1 second'")
    get_content_store().put(b"put first, named later")
    done = clean(AT_ONCE, CONTROL)
    assert (done.bytes.contents, done.bytes.postponed) == (0, 1)
    assert stocked.address_of(b"put first, named later") in stocked.addresses()
    # Nobody named them in that hour.
    stocked.let_tombstones_be_due()
    assert clean(AT_ONCE, CONTROL).bytes.contents == 1
    stocked.require_nothing_left_over()


def test_a_stop_comes_between_two_transactions_and_the_next_run_goes_on(
    local_site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleaning, "BATCH", 2)
    stocked.upload(b"kept")
    stocked.unused([b"%d" % number for number in range(6)])

    class Stopped(NullReporter):
        def advance(self, count: int = 1, **kwargs: Any) -> None:
            raise Canceled

    with pytest.raises(Canceled):
        clean(AT_ONCE, Stopped("olga"))
    assert StorageObject.objects.filter(refcount=0).count() == 4
    assert StorageTombstone.objects.count() == 2
    clean(AT_ONCE, CONTROL)
    stocked.require_nothing_left_over()


# Stores that do not answer


def test_bytes_in_a_store_that_does_not_answer_stay_and_so_do_their_tombstones(both_tiers: str, settings: Any) -> None:
    stocked.upload(b"kept")
    stocked.unused([b"local"])
    stored = get_content_store("s3").put(b"on s3")
    sql.scalar("tombstone_storage_uris", [stored.uri], "0 s", "orphaned", "olga")
    settings.CONTENT_S3_ENDPOINT = "http://127.0.0.1:9"
    done = clean(AT_ONCE, CONTROL)
    assert done.bytes.contents == 1
    ((reason, count),) = done.bytes.left.items()
    assert "The S3 content store cannot be reached" in reason
    assert count == 1
    assert StorageTombstone.objects.get().storage_uri == stored.uri
    settings.CONTENT_S3_BUCKET = ""
    ((reason, _),) = clean(AT_ONCE, CONTROL).bytes.left.items()
    assert "Set CONTENT_S3_BUCKET" in reason


def test_a_disk_that_is_not_mounted_keeps_its_tombstones(local_site: Path) -> None:
    stocked.upload(b"kept")
    stocked.unused([b"gone"])
    local_site.rename(local_site.with_name("elsewhere"))
    done = clean(AT_ONCE, CONTROL)
    ((reason, _),) = done.bytes.left.items()
    assert "Check the folder CONTENT_ROOT" in reason
    local_site.with_name("elsewhere").rename(local_site)
    assert clean(AT_ONCE, CONTROL).bytes.contents == 1


def test_a_bucket_that_is_gone_is_no_content_that_is_gone(both_tiers: str, settings: Any) -> None:
    with run_s3_server() as empty:
        stored = get_content_store("s3").put(b"on s3")
        sql.scalar("tombstone_storage_uris", [stored.uri], "0 s", "orphaned", "olga")
        settings.CONTENT_S3_ENDPOINT = empty
        ((reason, _),) = clean(AT_ONCE, CONTROL).bytes.left.items()
    assert "has no such bucket" in reason
    assert StorageTombstone.objects.count() == 1


def test_a_link_in_the_place_of_content_is_left(local_site: Path, tmp_path: Path) -> None:
    stocked.upload(b"kept")
    stocked.unused([b"gone"])
    path = local_site / stocked.address_of(b"gone")[8:10] / stocked.address_of(b"gone")[8:]
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    ((reason, _),) = clean(AT_ONCE, CONTROL).bytes.left.items()
    assert "A link stands in the place of the content" in reason
    assert path.is_symlink()


class sql_triggers_disabled:  # noqa: N801 (reads as what it does)
    """The triggers of a table do not run inside, as in a restore."""

    def __init__(self, table: str) -> None:
        self._table = table

    def __enter__(self) -> None:
        sql.execute("SET CONSTRAINTS ALL IMMEDIATE")
        sql.execute(f"ALTER TABLE {self._table} DISABLE TRIGGER USER")

    def __exit__(self, *error: object) -> None:
        sql.execute("SET CONSTRAINTS ALL IMMEDIATE")
        sql.execute(f"ALTER TABLE {self._table} ENABLE TRIGGER USER")
