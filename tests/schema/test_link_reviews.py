"""Reviews of links, and the labels derived from them."""

from typing import Any

import psycopg
import pytest

from tests import databases
from tests.databases import Keywords
from tests.migration.running import query, run
from tests.sql import Database, insert, make_link_audits, one, refused


@pytest.fixture
def link(db: Database) -> int:
    """A link of HP-2 without a label."""
    make_link_audits(db, "HP-2", [None], nct_id="NCT00000007")
    return int(one(db.execute("SELECT audit_id FROM link_audit"))[0])


def decide(db: Database, link: int, decision: str, reviewer: str = "rita", mode: str = "queue", **more: Any) -> int:
    cursor = db.execute(
        "SELECT record_link_review(%s, %s, %s, %s, p_note => %s, p_supersedes => %s)",
        [link, decision, reviewer, mode, more.get("note"), more.get("supersedes")],
    )
    return int(one(cursor)[0])


def label(db: Database) -> tuple[Any, ...]:
    found: tuple[Any, ...] = one(db.execute("SELECT label, label_source, reviewed_by FROM link_audit"))
    return found


def records(db: Database) -> list[tuple[Any, ...]]:
    return db.execute("SELECT decision, reviewer, mode FROM link_reviews ORDER BY review_id").fetchall()


def disagreements(db: Database) -> list[str]:
    return [reason for (reason,) in db.execute("SELECT reason FROM link_disagreements").fetchall()]


def test_decision_sets_the_label_and_copies_the_link(db: Database, link: int) -> None:
    decide(db, link, "right", note=" clear ")
    assert label(db) == (True, "human_review", "rita")
    copied = "SELECT heuristic, nct_id, doc_id, asset_id, note FROM link_reviews"
    assert one(db.execute(copied)) == one(
        db.execute("SELECT heuristic_applied, nct_id, doc_id, asset_id, 'clear' FROM link_audit")
    )
    assert one(db.execute("SELECT reviewed_at IS NOT NULL, promotion_status FROM link_audit")) == (True, "pending")


def test_agreement_sets_the_label_and_conflict_clears_it(db: Database, link: int) -> None:
    decide(db, link, "wrong", "rita")
    decide(db, link, "wrong", "adam")
    assert label(db) == (False, "human_review", "rita")
    assert disagreements(db) == []
    decide(db, link, "right", "olga")
    assert label(db) == (None, None, None)
    assert disagreements(db) == ["conflict"]


def test_unsure_decision_needs_an_adjudicator(db: Database, link: int) -> None:
    decide(db, link, "unsure")
    assert label(db) == (None, None, None)
    assert disagreements(db) == ["unsure"]


def test_adjudicator_needs_a_reason_and_no_own_review(db: Database, link: int) -> None:
    decide(db, link, "right", "rita")
    decide(db, link, "wrong", "adam")
    with refused(db, psycopg.errors.InvalidParameterValue, "needs a reason"):
        decide(db, link, "wrong", "olga", "adjudication", note=" ")
    with refused(db, psycopg.errors.InsufficientPrivilege, "adam reviewed link"):
        decide(db, link, "wrong", "adam", "adjudication", note="mine")
    with refused(db, psycopg.errors.InvalidParameterValue, "right or wrong, not unsure"):
        decide(db, link, "unsure", "olga", "adjudication", note="unreadable")
    decide(db, link, "wrong", "olga", "adjudication", note="another trial")
    assert label(db) == (False, "human_review", "olga")
    assert disagreements(db) == []
    assert one(db.execute("SELECT review_notes FROM link_audit")) == ("another trial",)


def test_undone_decision_is_ignored(db: Database, link: int) -> None:
    db.execute("UPDATE link_audit SET label = true, label_source = 'gold_standard'")
    review_id = decide(db, link, "wrong")
    assert label(db) == (False, "human_review", "rita")
    decide(db, link, "undone", supersedes=review_id)
    assert label(db) == (True, "gold_standard", None)
    assert [decision for decision, _, _ in records(db)] == ["right", "wrong", "undone"]


def test_later_decision_replaces_an_earlier_one(db: Database, link: int) -> None:
    decide(db, link, "right")
    decide(db, link, "wrong")
    assert label(db) == (False, "human_review", "rita")
    assert disagreements(db) == []


# Direct writes of labels


def test_direct_label_is_recorded(db: Database, link: int) -> None:
    db.execute("UPDATE link_audit SET label = true")
    db.execute("UPDATE link_audit SET label = false, label_source = 'external_validation', reviewed_by = 'pipeline'")
    db.execute("UPDATE link_audit SET label = NULL, label_source = NULL")
    assert records(db) == [("right", None, "sql"), ("wrong", "pipeline", "sql"), ("cleared", "pipeline", "sql")]
    supersedes = db.execute("SELECT supersedes IS NOT NULL FROM link_reviews ORDER BY review_id").fetchall()
    assert supersedes == [(False,), (True,), (True,)]


def test_direct_label_overrides_reviews_and_ends_a_disagreement(db: Database, link: int) -> None:
    decide(db, link, "right", "rita")
    decide(db, link, "wrong", "adam")
    db.execute("UPDATE link_audit SET label = true, reviewed_by = 'pipeline'")
    assert label(db) == (True, None, "pipeline")
    assert disagreements(db) == []
    decide(db, link, "wrong", "olga")
    assert label(db) == (False, "human_review", "olga")


def test_labels_of_inserted_links_are_recorded(db: Database) -> None:
    make_link_audits(db, "HP-1", [True, None, False], label_source="external_validation")
    assert records(db) == [("right", None, "sql"), ("wrong", None, "sql")]


def test_other_columns_record_nothing(db: Database, link: int) -> None:
    db.execute(
        "UPDATE link_audit SET promotion_status = 'promoted', confidence = 0.5, review_notes = 'x', label = label"
    )
    assert records(db) == []


def test_writer_can_set_the_mode(db: Database, link: int) -> None:
    db.execute("SELECT set_config('ncfd.review_mode', 'load', true)")
    db.execute("UPDATE link_audit SET label = true")
    assert records(db) == [("right", None, "load")]


# Append-only rows


@pytest.mark.parametrize(
    "statement",
    ["UPDATE link_reviews SET decision = 'wrong'", "DELETE FROM link_reviews", "TRUNCATE link_reviews"],
)
def test_reviews_are_append_only(db: Database, link: int, statement: str) -> None:
    decide(db, link, "right")
    with refused(db, psycopg.errors.IntegrityConstraintViolation, "link_reviews is append-only"):
        db.execute(statement)


def test_reviews_outlive_the_document(db: Database, link: int) -> None:
    decide(db, link, "right", "rita")
    decide(db, link, "wrong", "adam")
    db.execute("DELETE FROM documents")
    assert one(db.execute("SELECT count(*) FROM link_audit")) == (0,)
    assert len(records(db)) == 2
    assert disagreements(db) == []


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"decision": "maybe"}, psycopg.errors.CheckViolation),
        ({"mode": "telepathy"}, psycopg.errors.CheckViolation),
        ({"decision": "undone"}, psycopg.errors.CheckViolation),
        ({"reviewer": None}, psycopg.errors.CheckViolation),
        ({"audit_id": 424242}, psycopg.errors.ForeignKeyViolation),
    ],
)
def test_invalid_reviews_are_rejected(
    db: Database, link: int, values: dict[str, Any], error: type[psycopg.Error]
) -> None:
    row = {"audit_id": link, "doc_id": 1, "asset_id": 1, "decision": "right", "reviewer": "rita", "mode": "page"}
    with refused(db, error):
        insert(db, "link_reviews", **{**row, **values})


def test_inserted_review_sets_the_label(db: Database, link: int) -> None:
    insert(
        db,
        "link_reviews",
        audit_id=link,
        doc_id=0,
        asset_id=0,
        decision="wrong",
        label_source="human_review",
        reviewer="rita",
        mode="page",
    )
    assert label(db) == (False, "human_review", "rita")


# Backfill


def test_existing_labels_are_backfilled(empty_database: Keywords) -> None:
    databases.become(empty_database, "20261127_add_site_jobs")
    with psycopg.connect(**empty_database) as db:
        make_link_audits(db, "HP-1", [True, False, None], label_source="human_review", reviewed_by="rita")
    assert run(empty_database).verified
    backfilled = "SELECT decision, reviewer, mode, heuristic FROM link_reviews ORDER BY review_id"
    assert query(empty_database, backfilled) == [
        ("right", "rita", "existing", "HP-1"),
        ("wrong", "rita", "existing", "HP-1"),
    ]
    with psycopg.connect(**empty_database, autocommit=True) as db:
        db.execute("CALL backfill_link_reviews()")
    assert query(empty_database, "SELECT count(*) FROM link_reviews") == [(2,)]


def test_label_changed_before_the_backfill_is_recorded(db: Database, link: int) -> None:
    db.execute("ALTER TABLE link_audit DISABLE TRIGGER USER")
    db.execute("UPDATE link_audit SET label = true, reviewed_by = 'rita'")
    db.execute("ALTER TABLE link_audit ENABLE TRIGGER USER")
    db.execute("UPDATE link_audit SET label = false, reviewed_by = 'adam'")
    assert records(db) == [("right", "rita", "existing"), ("wrong", "adam", "sql")]
