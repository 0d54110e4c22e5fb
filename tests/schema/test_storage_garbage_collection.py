"""Garbage collection, tombstones and moves of objects."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.databases import Keywords
from tests.schema.test_storage_functions import A, B, decrement, drift, increment
from tests.sql import Database, insert, make_trial, one, refused

CLEAN = "SELECT object_id FROM delete_unreferenced_objects(%s, %s, %s, 'olga')"
HOUR = timedelta(hours=1)
URI = f"local://{A}/content"


def make_unused(db: Database, sha256: str = A, backend: str = "local", age: str = "40 days") -> int:
    """Create an unreferenced object, released that long ago."""
    increment(db, sha256, backend=backend)
    decrement(db, sha256, backend=backend)
    cursor = db.execute(
        "UPDATE storage_objects SET last_accessed = clock_timestamp() - %s::interval, size_bytes = 7"
        " WHERE sha256 = %s AND backend_type = %s RETURNING object_id",
        [age, sha256, backend],
    )
    return int(one(cursor)[0])


def clean(db: Database, *objects: int, grace: timedelta = timedelta(days=30), keep: timedelta = HOUR) -> list[int]:
    return [key for (key,) in db.execute(CLEAN, [list(objects), grace, keep]).fetchall()]


def tombstones(db: Database) -> list[tuple[Any, ...]]:
    return db.execute("SELECT storage_uri, reason, actor FROM storage_tombstones ORDER BY 1").fetchall()


def make_due(db: Database, uri: str, why: str = "deleted") -> None:
    insert(db, "storage_tombstones", storage_uri=uri, reason=why, delete_after="2020-01-01T00:00Z")


def take(db: Database, after: str = "", limit: int = 100) -> list[tuple[str, bool]]:
    cursor = db.execute("SELECT storage_uri, is_in_use FROM lock_due_tombstones(%s, %s)", [after, limit])
    return cursor.fetchall()


# Deletion


def test_unreferenced_object_is_deleted_with_tombstone_and_event(db: Database) -> None:
    unused = make_unused(db)
    assert clean(db, unused, keep=timedelta(minutes=90)) == [unused]
    assert db.execute("SELECT 1 FROM storage_objects").fetchall() == []
    assert tombstones(db) == [(URI, "deleted", "olga")]
    kept, size = one(db.execute("SELECT delete_after - clock_timestamp(), size_bytes FROM storage_tombstones"))
    assert timedelta(minutes=89) < kept <= timedelta(minutes=90)
    assert size == 7
    action, actor, sha256, address = one(
        db.execute(
            "SELECT action, actor, sha256, detail ->> 'storage_uri' FROM storage_events WHERE action = 'object_deleted'"
        )
    )
    assert (action, actor, sha256, address) == ("object_deleted", "olga", A, URI)


STAYS: dict[str, Callable[[Database, int], object]] = {
    "referenced": lambda db, key: increment(db, number=5),
    "owned by a document": lambda db, key: insert(
        db, "documents", source_type="Paper", storage_uri="local://x", sha256=B, object_id=key
    ),
    "owned by a study": lambda db, key: insert(
        db, "studies", trial_id=make_trial(db), doc_type="Paper", year=2024, object_id=key
    ),
    "owned by a document without number": lambda db, key: insert(
        db, "documents", source_type="Paper", storage_uri=f"local://{A}", sha256=A
    ),
    "foreign address": lambda db, key: db.execute("UPDATE storage_objects SET storage_uri = '/data/x'"),
    "foreign address of other content": lambda db, key: db.execute(
        "UPDATE storage_objects SET storage_uri = %s", [f"local://{B}"]
    ),
}


@pytest.mark.parametrize("why", STAYS)
def test_blocked_object_is_kept(db: Database, why: str) -> None:
    unused = make_unused(db)
    STAYS[why](db, unused)
    db.execute("UPDATE storage_objects SET last_accessed = now() - interval '1 year'")
    query = "SELECT find_deletion_blocker(object_id, sha256, storage_uri) FROM storage_objects"
    assert one(db.execute(query)) == (why.split(maxsplit=1)[0],)
    assert clean(db, unused, grace=timedelta(0)) == []
    assert db.execute("SELECT count(*) FROM storage_objects").fetchone() == (1,)


def test_wrong_count_does_not_delete_a_referenced_object(db: Database) -> None:
    increment(db)
    db.execute("ALTER TABLE storage_objects DISABLE TRIGGER USER")
    db.execute("UPDATE storage_objects SET refcount = 0, last_accessed = '2020-01-01'")
    db.execute("ALTER TABLE storage_objects ENABLE TRIGGER USER")
    (key,) = one(db.execute("SELECT object_id FROM storage_objects"))
    assert clean(db, key) == []


@pytest.mark.parametrize(("age", "goes"), [("30 days -1 second", False), ("30 days 1 second", True), ("-1 day", False)])
def test_grace_period_is_exact(db: Database, age: str, goes: bool) -> None:
    unused = make_unused(db, age=age)
    assert clean(db, unused) == ([unused] if goes else [])


def test_release_restarts_the_grace_period(db: Database) -> None:
    increment(db)
    db.execute("UPDATE storage_objects SET last_accessed = now() - interval '1 year', created_at = '2020-01-01'")
    decrement(db)
    (key,) = one(db.execute("SELECT object_id FROM storage_objects"))
    assert db.execute("SELECT * FROM get_cleanup_candidates()").fetchall() == []
    assert clean(db, key, grace=timedelta(days=1)) == []
    assert clean(db, key, grace=timedelta(0)) == [key]


@pytest.mark.parametrize("arguments", [[-1, 0], [0, -1], [None, 0], [0, None]])
def test_negative_and_null_intervals_are_rejected(db: Database, arguments: list[int | None]) -> None:
    spans = [None if days is None else timedelta(days=days) for days in arguments]
    with refused(db, psycopg.errors.InvalidParameterValue, "must not be negative or NULL"):
        db.execute(CLEAN, [[1], *spans])


def test_direct_delete_creates_a_tombstone_for_own_addresses(db: Database) -> None:
    make_unused(db)
    make_unused(db, B)
    db.execute("UPDATE storage_objects SET storage_uri = 's3://bucket/key' WHERE sha256 = %s", [B])
    db.execute("DELETE FROM storage_tombstones")
    db.execute("DELETE FROM storage_objects")
    (user,) = one(db.execute("SELECT session_user"))
    assert tombstones(db) == [(URI, "deleted", user)]


# Races


def test_object_locked_by_a_new_reference_is_skipped(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as cleaner, psycopg.connect(**head_database) as uploader:
        unused = make_unused(cleaner)
        cleaner.commit()
        increment(uploader, number=2)
        assert clean(cleaner, unused) == []
        uploader.commit()
        assert clean(cleaner, unused, grace=timedelta(0)) == []
        assert cleaner.execute("SELECT refcount FROM storage_objects").fetchall() == [(1,)]


def test_object_deleted_concurrently_is_created_again(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as cleaner, psycopg.connect(**head_database) as uploader:
        unused = make_unused(cleaner)
        cleaner.commit()
        assert clean(cleaner, unused) == [unused]
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(increment, uploader, A, "document", 2)
            wait_for_a_lock(cleaner)
            assert not waiting.done()
            cleaner.commit()
            assert waiting.result() == 1
        uploader.commit()
        (key,) = one(cleaner.execute("SELECT object_id FROM storage_objects"))
        assert key > unused
        # The new row protects the bytes.
        assert tombstones(cleaner) == []


def test_insert_waits_for_the_deletion_of_the_bytes(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as deleter, psycopg.connect(**head_database) as uploader:
        make_due(deleter, f"local://{A}")
        deleter.commit()
        assert take(deleter) == [(f"local://{A}", False)]
        with ThreadPoolExecutor(1) as pool:
            naming = pool.submit(increment, uploader, A)
            wait_for_a_lock(deleter)
            assert not naming.done()
            deleter.execute("DELETE FROM storage_tombstones")
            deleter.commit()
            assert naming.result() == 1


def test_tombstone_being_cleared_is_not_locked(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as deleter, psycopg.connect(**head_database) as uploader:
        make_due(deleter, f"local://{A}")
        deleter.commit()
        increment(uploader, A)
        assert take(deleter) == []
        uploader.commit()
        assert tombstones(deleter) == []


def wait_for_a_lock(db: Database) -> None:
    """Wait until another session of the database waits for a lock."""
    query = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND pid <> pg_backend_pid()"
    )
    while not db.execute(query).fetchall():
        db.execute("SELECT pg_stat_clear_snapshot()")
        time.sleep(0.01)


# Tombstones


def test_due_tombstones_are_returned_by_address(db: Database) -> None:
    addresses = [f"local://{digit * 64}" for digit in "fedc"] + [f"s3://{A}"]
    for address in addresses:
        make_due(db, address)
    db.execute(
        "UPDATE storage_tombstones SET delete_after = now() + interval '1 hour' WHERE storage_uri = %s", addresses[:1]
    )
    assert take(db, limit=2) == [(address, False) for address in sorted(addresses[1:])[:2]]
    assert take(db, after=sorted(addresses[1:])[1]) == [(address, False) for address in sorted(addresses[1:])[2:]]


@pytest.mark.parametrize("name", ["an object", "an object in capitals", "a document"])
def test_tombstones_of_addresses_in_use_are_cleared(db: Database, name: str) -> None:
    sha256 = A.upper() if name == "an object in capitals" else A
    if name == "a document":
        insert(db, "documents", source_type="Paper", storage_uri=f"local://{A}", sha256=A)
    else:
        insert(db, "storage_objects", sha256=sha256, storage_uri=f"local://{A}", backend_type="local", tier="local")
    make_due(db, f"local://{A}", "orphaned")
    assert take(db) == [(f"local://{A}", True)]
    assert tombstones(db) == []


def test_tombstone_needs_an_address_of_the_store(db: Database) -> None:
    for address in ("local://x", f"local://{A.upper()}", f"tape://{A}", f"local://{A}/../x", ""):
        with refused(db, psycopg.errors.CheckViolation):
            make_due(db, address)


def test_repeated_tombstone_keeps_the_later_expiry(db: Database) -> None:
    for hours in (5, 1):
        db.execute("SELECT tombstone_storage_uris(%s, %s, 'expected', 'olga')", [[f"s3://{A}"] * 2, HOUR * hours])
    (kept,) = one(db.execute("SELECT delete_after - clock_timestamp() FROM storage_tombstones"))
    assert kept > HOUR * 4


# Moves


def move(db: Database, key: int, source: str, target: str, *, expect: bool = True) -> bool:
    if expect:
        db.execute("SELECT tombstone_storage_uris(%s, %s, 'expected', 'olga')", [[target], HOUR])
    cursor = db.execute("SELECT move_storage_object(%s, %s, %s, %s, 'olga')", [key, source, target, HOUR])
    return bool(one(cursor)[0])


def test_move_changes_tier_and_address_but_not_the_key(db: Database) -> None:
    increment(db)
    (key,) = one(db.execute("SELECT object_id FROM storage_objects"))
    make_document = {"source_type": "Paper", "storage_uri": f"local://{A}", "sha256": A}
    insert(db, "documents", object_id=key, **make_document)
    insert(db, "documents", **make_document)
    assert move(db, key, URI, f"s3://{A}")
    assert one(db.execute("SELECT backend_type, tier, storage_uri FROM storage_objects")) == (
        "local",
        "s3",
        f"s3://{A}",
    )
    # Pipelines read bytes by the address of the document.
    assert one(db.execute("SELECT DISTINCT storage_uri FROM documents")) == (f"s3://{A}",)
    assert tombstones(db) == [(URI, "moved", "olga")]
    detail = {"from": URI, "to": f"s3://{A}"}
    assert one(db.execute("SELECT action, actor, detail FROM storage_events")) == ("moved", "olga", detail)
    # Pipelines release by the key.
    assert decrement(db) == 0
    assert drift(db) == 0


def test_move_back_clears_the_tombstone(db: Database) -> None:
    increment(db)
    (key,) = one(db.execute("SELECT object_id FROM storage_objects"))
    move(db, key, URI, f"s3://{A}")
    assert move(db, key, f"s3://{A}", URI)
    assert tombstones(db) == [(f"s3://{A}", "moved", "olga")]


def test_moved_object_is_not_moved_again(db: Database) -> None:
    increment(db)
    (key,) = one(db.execute("SELECT object_id FROM storage_objects"))
    move(db, key, URI, f"s3://{A}")
    assert not move(db, key, URI, f"s3://{A}")
    assert not move(db, key + 1, URI, f"s3://{A}")


@pytest.mark.parametrize("target", [f"s3://{B}", "s3://bucket/key", f"tape://{A}"])
def test_address_of_another_object_is_rejected(db: Database, target: str) -> None:
    increment(db)
    (key,) = one(db.execute("SELECT object_id FROM storage_objects"))
    with refused(db, psycopg.errors.InvalidParameterValue, "is not an address of storage object"):
        move(db, key, URI, target, expect=False)


def test_address_without_tombstone_is_rejected(db: Database) -> None:
    increment(db)
    (key,) = one(db.execute("SELECT object_id FROM storage_objects"))
    with refused(db, psycopg.errors.ObjectNotInPrerequisiteState, "neither a row nor an unexpired tombstone"):
        move(db, key, URI, f"s3://{A}", expect=False)
    make_due(db, f"s3://{A}", "expected")
    with refused(db, psycopg.errors.ObjectNotInPrerequisiteState, "neither a row nor an unexpired tombstone"):
        move(db, key, URI, f"s3://{A}", expect=False)


def test_concurrent_moves_and_deletions_do_not_deadlock(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as db:
        for number in range(200):
            sha256 = f"{number:064x}"
            doc = insert(db, "documents", source_type="Paper", storage_uri=f"local://{sha256}", sha256=sha256)
            increment(db, sha256, number=doc)
        db.execute("UPDATE documents d SET object_id = o.object_id FROM storage_objects o WHERE o.sha256 = d.sha256")
        objects = db.execute("SELECT object_id, storage_uri FROM storage_objects ORDER BY 1").fetchall()
    barrier = threading.Barrier(2)

    def move_all() -> None:
        with psycopg.connect(**head_database, autocommit=True) as db:
            barrier.wait()
            for key, address in objects:
                move(db, key, address, address.replace("local://", "s3://bucket/docs/"))

    def delete_all() -> None:
        with psycopg.connect(**head_database, autocommit=True) as db:
            barrier.wait()
            for key, _ in reversed(objects):
                db.execute("DELETE FROM documents WHERE object_id = %s", [key])

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(move_all), pool.submit(delete_all)]:
            done.result()
    with psycopg.connect(**head_database) as db:
        assert one(db.execute("SELECT count(*), sum(refcount) FROM storage_objects WHERE tier = 's3'")) == (200, 0)
