"""Functions that add and remove references."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.databases import Keywords
from tests.sql import Database, one, refused

A, B = "a" * 64, "b" * 64


def increment(db: Database, sha256: str = A, kind: str = "document", number: int = 1, backend: str = "local") -> int:
    return int(one(db.execute("SELECT increment_storage_refcount(%s, %s, %s, %s)", [sha256, backend, kind, number]))[0])


def decrement(db: Database, sha256: str = A, kind: str = "document", number: int = 1, backend: str = "local") -> int:
    return int(one(db.execute("SELECT decrement_storage_refcount(%s, %s, %s, %s)", [sha256, backend, kind, number]))[0])


def drift(db: Database) -> int:
    query = """SELECT count(*) FROM storage_objects o WHERE refcount <>
               (SELECT count(*) FROM storage_references r WHERE r.object_id = o.object_id)"""
    return int(one(db.execute(query))[0])


@pytest.mark.parametrize(
    ("backend", "uri"), [("local", f"local://{A}/content"), ("s3", f"s3://bucket/docs/{A}/content")]
)
def test_first_reference_creates_the_object(db: Database, backend: str, uri: str) -> None:
    assert increment(db, backend=backend) == 1
    row = one(db.execute("SELECT storage_uri, backend_type, tier, size_bytes, refcount FROM storage_objects"))
    assert row == (uri, backend, backend, 0, 1)


def test_repeated_reference_counts_once(db: Database) -> None:
    assert [increment(db) for _ in range(100)] == [1] * 100
    assert one(db.execute("SELECT count(*) FROM storage_references")) == (1,)


def test_reference_is_released_once(db: Database) -> None:
    increment(db)
    increment(db, number=2)
    assert [decrement(db), decrement(db)] == [1, 1]


def test_releasing_a_missing_reference_changes_nothing(db: Database) -> None:
    increment(db)
    assert decrement(db, kind="study") == 1
    assert decrement(db, sha256=B) == 0
    assert one(db.execute("SELECT count(*) FROM storage_objects")) == (1,)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((None, "local", "document", 1), "p_sha256 must be 64 hexadecimal digits, not NULL"),
        (("", "local", "document", 1), "p_sha256 must be 64 hexadecimal digits, not ''"),
        (("z" * 64, "local", "document", 1), "p_sha256 must be 64 hexadecimal digits"),
        ((A, "tape", "document", 1), "p_backend_type must be local or s3, not 'tape'"),
        ((A, None, "document", 1), "p_backend_type must be local or s3, not NULL"),
        ((A, "local", "", 1), "p_reference_type must be 1 to 50 characters"),
        ((A, "local", None, 1), "p_reference_type must be 1 to 50 characters"),
        ((A, "local", "document", None), "p_reference_id must not be NULL"),
    ],
)
@pytest.mark.parametrize("function", ["increment_storage_refcount", "decrement_storage_refcount"])
def test_invalid_arguments_are_named(db: Database, function: str, arguments: tuple[object, ...], words: str) -> None:
    with refused(db, psycopg.errors.InvalidParameterValue, words):
        db.execute(f"SELECT {function}(%s, %s, %s, %s)", arguments)
    assert one(db.execute("SELECT count(*) FROM storage_objects")) == (0,)


def test_cleanup_candidates_are_unused_for_the_days(db: Database) -> None:
    for number, (digest, seconds) in enumerate([("1", 30 * 86400 + 1), ("2", 30 * 86400), ("3", 30 * 86400 - 1)]):
        increment(db, sha256=digest * 64, number=number)
        decrement(db, sha256=digest * 64, number=number)
        db.execute(
            "UPDATE storage_objects SET last_accessed = now() - make_interval(secs => %s) WHERE sha256 = %s",
            [seconds, digest * 64],
        )
    increment(db, sha256="4" * 64)
    db.execute("UPDATE storage_objects SET last_accessed = '2000-01-01' WHERE sha256 = %s", ["4" * 64])

    assert [row[0][0] for row in db.execute("SELECT sha256 FROM get_cleanup_candidates()")] == ["1", "2"]
    assert [row[0][0] for row in db.execute("SELECT sha256 FROM get_cleanup_candidates(30, 1)")] == ["4", "1", "2"]


def test_just_released_object_is_not_a_candidate(db: Database) -> None:
    increment(db)
    db.execute("UPDATE storage_objects SET created_at = '2000-01-01', last_accessed = '2000-01-01'")
    decrement(db)
    assert db.execute("SELECT * FROM get_cleanup_candidates(1, 0)").fetchall() == []


def test_concurrent_first_references_all_count(head_database: Keywords) -> None:
    barrier = threading.Barrier(16)

    def work(number: int) -> int:
        with psycopg.connect(**head_database) as connection:
            barrier.wait()
            for digest in ("c", "d", "e"):
                increment(connection, sha256=digest * 64, number=number)
                connection.commit()
            return increment(connection, sha256=A, number=1)

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(work, range(16))) == {1}
    with psycopg.connect(**head_database) as connection:
        counts = connection.execute("SELECT refcount FROM storage_objects WHERE sha256 <> %s", [A]).fetchall()
        assert counts == [(16,)] * 3
        assert drift(connection) == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.booleans(), st.sampled_from([A, B]), st.sampled_from(["document", "study"]), st.integers(0, 3))
    )
)
def test_any_sequence_of_calls_equals_a_set(db: Database, steps: list[tuple[bool, str, str, int]]) -> None:
    with db.transaction(force_rollback=True):
        references: set[tuple[str, str, int]] = set()
        for adds, sha256, kind, number in steps:
            if adds:
                references.add((sha256, kind, number))
                result = increment(db, sha256, kind, number)
            else:
                references.discard((sha256, kind, number))
                result = decrement(db, sha256, kind, number)
            assert result == sum(reference[0] == sha256 for reference in references)
        assert drift(db) == 0
