"""Reference counts under all kinds of writes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests import databases
from tests.databases import Keywords
from tests.migration.running import query, run
from tests.schema.test_storage_functions import A, B, decrement, drift, increment
from tests.sql import Database, insert, make_trial, one, refused

ARRAYS = "%s::text[], %s::text[], %s::text[], %s::bigint[]"


def batch(db: Database, function: str, references: list[tuple[str, str, str, int]]) -> dict[str, int]:
    columns: list[list[Any]] = [list(column) for column in zip(*references, strict=True)] if references else [[]] * 4
    rows = db.execute(f"SELECT sha256, refcount FROM {function}({ARRAYS})", columns).fetchall()
    return dict(rows)


def document(db: Database, number: int = 0) -> int:
    return int(insert(db, "documents", source_type="Paper", storage_uri=f"local://{number}", sha256="0" * 64))


def study(db: Database, trial: int) -> int:
    return int(insert(db, "studies", trial_id=trial, doc_type="Paper", year=2024))


# Direct statements


def test_direct_inserts_and_deletes_are_counted(db: Database) -> None:
    increment(db)
    (made,) = one(db.execute("SELECT object_id FROM storage_objects"))
    insert(db, "storage_references", object_id=made, reference_type="note", referenced_id=7)
    insert(db, "storage_references", object_id=made, reference_type="note", referenced_id=8)
    assert one(db.execute("SELECT refcount FROM storage_objects")) == (3,)
    db.execute("DELETE FROM storage_references WHERE reference_type = 'note'")
    assert one(db.execute("SELECT refcount FROM storage_objects")) == (1,)
    assert drift(db) == 0


def test_duplicate_direct_insert_counts_once(db: Database) -> None:
    increment(db)
    db.execute(
        "INSERT INTO storage_references (object_id, reference_type, referenced_id)"
        " SELECT object_id, 'document', 1 FROM storage_objects ON CONFLICT DO NOTHING"
    )
    assert one(db.execute("SELECT refcount FROM storage_objects")) == (1,)


REFUSED = {
    "a wrong count": (
        "UPDATE storage_objects SET refcount = 5",
        "must be its number of references, 1, not 5",
    ),
    "no count": ("UPDATE storage_objects SET refcount = NULL", "1, not NULL"),
    "a negative count": ("UPDATE storage_objects SET refcount = -1", "1, not -1"),
    "an object with a count": (
        (
            "INSERT INTO storage_objects (sha256, storage_uri, backend_type, tier, refcount)"
            f" VALUES ('{B}', 'local://b', 'local', 'local', 1)"
        ),
        "0, not 1",
    ),
    "another object": (
        "UPDATE storage_references SET referenced_id = 9",
        r"reference \d+ cannot be updated",
    ),
    "an object that is referred to": (
        "DELETE FROM storage_objects",
        r"object \d+ cannot be deleted: it has 1 references",
    ),
    "all references": ("TRUNCATE storage_references", "storage_references cannot be truncated"),
    "all objects": ("TRUNCATE storage_objects CASCADE", "cannot be truncated"),
}


@pytest.mark.parametrize(("statement", "words"), REFUSED.values(), ids=REFUSED)
def test_writes_that_break_the_count_are_rejected(db: Database, statement: str, words: str) -> None:
    increment(db)
    with refused(db, psycopg.Error, words):
        db.execute(statement)
    assert one(db.execute("SELECT refcount FROM storage_objects")) == (1,)
    assert drift(db) == 0


def test_correct_count_and_other_columns_can_be_written(db: Database) -> None:
    increment(db)
    db.execute("UPDATE storage_objects SET refcount = 1, size_bytes = 7, last_accessed = now()")
    db.execute("UPDATE storage_references SET created_at = now(), referenced_id = referenced_id")
    decrement(db)
    db.execute("DELETE FROM storage_objects")


def test_rollback_restores_reference_and_count(db: Database) -> None:
    increment(db)
    with db.transaction(force_rollback=True):
        increment(db, number=2)
        increment(db, sha256=B)
    assert db.execute("SELECT sha256, refcount FROM storage_objects").fetchall() == [(A, 1)]
    assert drift(db) == 0


# Referrers


def test_references_are_released_with_document_and_study(db: Database) -> None:
    trial = make_trial(db)
    doc, other, paper = document(db), document(db, 1), study(db, trial)
    increment(db, number=doc)
    increment(db, number=other)
    increment(db, kind="study", number=paper)
    increment(db, kind="note", number=doc)
    db.execute("DELETE FROM documents WHERE doc_id = %s", [doc])
    assert one(db.execute("SELECT refcount FROM storage_objects")) == (3,)
    # Deleting a trial deletes its studies.
    db.execute("DELETE FROM trials")
    assert one(db.execute("SELECT refcount FROM storage_objects")) == (2,)
    db.execute("TRUNCATE documents CASCADE")
    assert db.execute("SELECT reference_type FROM storage_references").fetchall() == [("note",)]
    assert drift(db) == 0


def test_referrer_need_not_exist(db: Database) -> None:
    assert increment(db, number=424242) == 1


def test_rolled_back_deletion_keeps_the_references(db: Database) -> None:
    doc = document(db)
    increment(db, number=doc)
    with db.transaction(force_rollback=True):
        db.execute("DELETE FROM documents")
        assert one(db.execute("SELECT refcount FROM storage_objects")) == (0,)
    assert one(db.execute("SELECT refcount FROM storage_objects")) == (1,)


def test_concurrent_deletions_of_sharing_documents_do_not_deadlock(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as db:
        owners = [document(db, number) for number in range(40)]
        for place, owner in enumerate(owners):
            # Two orders of references, so that deletions could deadlock.
            for digit in range(8) if place % 2 else reversed(range(8)):
                increment(db, sha256=f"{digit}" * 64, number=owner)
    barrier = threading.Barrier(2)

    def delete(half: list[int]) -> None:
        with psycopg.connect(**head_database) as db:
            barrier.wait()
            db.execute("DELETE FROM documents WHERE doc_id = ANY (%s)", [half])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(delete, (owners[::2], owners[1::2])))
    with psycopg.connect(**head_database) as db:
        assert db.execute("SELECT DISTINCT refcount FROM storage_objects").fetchall() == [(0,)]


# Batches


def test_batch_equals_single_calls(db: Database) -> None:
    increment(db)
    references = [(A, "local", "document", 1), (A, "local", "document", 2), (B, "local", "study", 1)] * 2
    assert batch(db, "increment_storage_refcounts", references) == {A: 2, B: 1}
    assert one(db.execute("SELECT storage_uri, tier, size_bytes FROM storage_objects WHERE sha256 = %s", [B])) == (
        f"local://{B}",
        "local",
        0,
    )
    assert batch(db, "decrement_storage_refcounts", [*references[1:2], (A, "local", "document", 77)]) == {A: 1}
    assert batch(db, "decrement_storage_refcounts", [("c" * 64, "s3", "document", 1)]) == {}
    assert drift(db) == 0


@pytest.mark.parametrize("function", ["increment_storage_refcounts", "decrement_storage_refcounts"])
def test_empty_batch_returns_nothing(db: Database, function: str) -> None:
    assert batch(db, function, []) == {}


@pytest.mark.parametrize("function", ["increment_storage_refcounts", "decrement_storage_refcounts"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([A, "x"], ["local"] * 2, ["t"] * 2, [1, 2]), "p_sha256 must be 64 hexadecimal digits, not 'x'"),
        (([A], ["tape"], ["t"], [1]), "p_backend_type must be local or s3, not 'tape'"),
        (([A], ["local"], [None], [1]), "p_reference_type must be 1 to 50 characters, not NULL"),
        (([A], ["local"], ["t"], [None]), "p_reference_id must not be NULL"),
        (([A], ["local"], ["t"], [1, 2]), "the four arrays must have the same length"),
        ((None, ["local"], ["t"], [1]), "must not be NULL"),
    ],
)
def test_batch_with_an_invalid_element_changes_nothing(
    db: Database, function: str, arguments: tuple[Any, ...], words: str
) -> None:
    with refused(db, psycopg.errors.InvalidParameterValue, words):
        db.execute(f"SELECT * FROM {function}({ARRAYS})", arguments)
    assert one(db.execute("SELECT count(*) FROM storage_objects")) == (0,)


@pytest.mark.parametrize("is_batch", [False, True], ids=["single", "batch"])
def test_object_deleted_while_a_reference_waits_is_created_again(head_database: Keywords, is_batch: bool) -> None:
    with psycopg.connect(**head_database, autocommit=True) as db:
        increment(db)
        increment(db, sha256=B)
        decrement(db)

    def refer() -> None:
        with psycopg.connect(**head_database, autocommit=True) as db:
            if is_batch:
                references = [(B, "local", "note", 7), (A, "local", "note", 7)]
                assert batch(db, "increment_storage_refcounts", references) == {A: 1, B: 2}
            else:
                assert increment(db, kind="note", number=7) == 1

    with ThreadPoolExecutor(1) as pool, psycopg.connect(**head_database, autocommit=True) as db:
        with db.transaction():
            # Garbage collection locks objects before it deletes them.
            db.execute("SELECT FROM storage_objects WHERE sha256 = %s FOR UPDATE", [A])
            referring = pool.submit(refer)
            with psycopg.connect(**head_database, autocommit=True) as looking:
                while not looking.execute("SELECT FROM pg_locks WHERE NOT granted").rowcount:
                    assert not referring.done()
            db.execute("DELETE FROM storage_objects WHERE sha256 = %s", [A])
        referring.result()
        assert one(db.execute("SELECT refcount FROM storage_objects WHERE sha256 = %s", [A])) == (1,)
        assert drift(db) == 0


# Concurrency


def test_concurrent_references_all_count(head_database: Keywords) -> None:
    def work(client: int) -> int:
        with psycopg.connect(**head_database, autocommit=True) as db:
            return max(increment(db, number=client * 1000 + number) for number in range(100))

    with ThreadPoolExecutor(32) as pool:
        assert max(pool.map(work, range(32))) == 3200
    with psycopg.connect(**head_database) as db:
        assert one(db.execute("SELECT refcount FROM storage_objects")) == (3200,)


def test_stricter_isolation_retries_to_the_same_counts(head_database: Keywords) -> None:
    def work(client: int) -> None:
        with psycopg.connect(**head_database) as db:
            db.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            for number in range(10):
                while True:
                    try:
                        with db.transaction():
                            increment(db, number=client * 10 + number)
                            increment(db, sha256=B, number=number)
                        break
                    except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected):
                        continue

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with psycopg.connect(**head_database) as db:
        assert db.execute("SELECT refcount FROM storage_objects ORDER BY sha256").fetchall() == [(40,), (10,)]
        assert drift(db) == 0


class Store(RuleBasedStateMachine):
    """Several sessions that write references in every way, compared with a set."""

    keywords: Keywords

    def __init__(self) -> None:
        super().__init__()
        with psycopg.connect(**self.keywords, autocommit=True) as db:
            db.execute("DELETE FROM storage_references")
        self.sessions = [psycopg.connect(**self.keywords, autocommit=True) for _ in range(4)]
        self.references: set[tuple[str, str, int]] = set()

    sessions_drawn = st.integers(0, 3)
    objects = st.sampled_from([A, B, "c" * 64])
    kinds = st.sampled_from(["document", "note"])
    numbers = st.integers(1, 3)

    def count(self, sha256: str) -> int:
        return sum(reference[0] == sha256 for reference in self.references)

    @rule(session=sessions_drawn, sha256=objects, kind=kinds, number=numbers)
    def add(self, session: int, sha256: str, kind: str, number: int) -> None:
        self.references.add((sha256, kind, number))
        assert increment(self.sessions[session], sha256, kind, number) == self.count(sha256)

    @rule(session=sessions_drawn, sha256=objects, kind=kinds, number=numbers)
    def release(self, session: int, sha256: str, kind: str, number: int) -> None:
        self.references.discard((sha256, kind, number))
        assert decrement(self.sessions[session], sha256, kind, number) == self.count(sha256)

    @rule(session=sessions_drawn, kind=kinds, number=numbers)
    def add_many(self, session: int, kind: str, number: int) -> None:
        given = [(digest, "local", kind, number) for digest in (B, A)]
        self.references |= {(digest, kind, number) for digest in (A, B)}
        assert batch(self.sessions[session], "increment_storage_refcounts", given) == {
            A: self.count(A),
            B: self.count(B),
        }

    @precondition(lambda self: self.references)
    @rule(session=sessions_drawn, kind=kinds)
    def delete_plainly(self, session: int, kind: str) -> None:
        self.references = {reference for reference in self.references if reference[1] != kind}
        self.sessions[session].execute("DELETE FROM storage_references WHERE reference_type = %s", [kind])

    @rule(session=sessions_drawn, sha256=objects)
    def roll_back(self, session: int, sha256: str) -> None:
        with self.sessions[session].transaction(force_rollback=True):
            increment(self.sessions[session], sha256, "note", 99)

    @invariant()
    def counts_are_those_of_the_set(self) -> None:
        counted = dict(self.sessions[0].execute("SELECT sha256, refcount FROM storage_objects").fetchall())
        assert {digest: count for digest, count in counted.items() if count} == {
            digest: self.count(digest) for digest in (A, B, "c" * 64) if self.count(digest)
        }

    def teardown(self) -> None:
        for session in self.sessions:
            session.close()


def test_any_interleaving_of_sessions_equals_a_set(head_database: Keywords) -> None:
    Store.keywords = head_database
    run_state_machine_as_test(
        Store,
        settings=settings(
            max_examples=15, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


# Correction of existing counts


def test_drifted_counts_are_corrected_and_recorded(empty_database: Keywords) -> None:
    databases.become(empty_database, "20250125_replace_faulty_routines")
    with psycopg.connect(**empty_database) as db:
        for number in range(1, 2501):
            db.execute(
                "INSERT INTO storage_objects (sha256, storage_uri, backend_type, tier, refcount)"
                " VALUES (%s, 'u', 'local', 'local', 3)",
                [f"{number:064x}"],
            )
        db.execute(
            "INSERT INTO storage_references (object_id, reference_type, referenced_id)"
            " SELECT object_id, 'note', n FROM storage_objects, generate_series(1, 3) n WHERE object_id % 2 = 0"
        )
    assert run(empty_database).verified
    counts = "SELECT refcount, count(*) FROM storage_objects GROUP BY 1 ORDER BY 1"
    assert query(empty_database, counts) == [(0, 1250), (3, 1250)]
    events = "SELECT action, detail, count(*), min(object_id), max(object_id) FROM storage_events GROUP BY 1, 2"
    assert query(empty_database, events) == [("count_corrected", {"is": 0, "was": 3}, 1250, 1, 2499)]


def test_events_are_append_only(db: Database) -> None:
    insert(db, "storage_events", action="count_corrected")
    for statement in (
        "UPDATE storage_events SET action = 'x'",
        "DELETE FROM storage_events",
        "TRUNCATE storage_events",
    ):
        with refused(db, psycopg.errors.IntegrityConstraintViolation):
            db.execute(statement)
