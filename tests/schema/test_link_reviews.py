"""Every decision is kept, and the label of a link follows from the decisions, whoever writes and with whatever."""

from typing import Any

import psycopg
import pytest

from tests import databases
from tests.databases import Keywords
from tests.migration.running import query, run
from tests.sql import Database, insert, make_link_audits, one, refused


@pytest.fixture
def link(db: Database) -> int:
    """An open link of HP-2."""
    make_link_audits(db, "HP-2", [None], nct_id="NCT00000007")
    return int(one(db.execute("SELECT audit_id FROM link_audit"))[0])


def say(db: Database, link: int, decision: str, reviewer: str = "rita", mode: str = "queue", **more: Any) -> int:
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


def test_the_label_follows_a_decision_which_says_what_it_is_about(db: Database, link: int) -> None:
    say(db, link, "right", note=" clear ")
    assert label(db) == (True, "human_review", "rita")
    told = "SELECT heuristic, nct_id, doc_id, asset_id, note FROM link_reviews"
    assert one(db.execute(told)) == one(
        db.execute("SELECT heuristic_applied, nct_id, doc_id, asset_id, 'clear' FROM link_audit")
    )
    assert one(db.execute("SELECT reviewed_at IS NOT NULL, promotion_status FROM link_audit")) == (True, "pending")


def test_two_who_agree_make_a_label_and_two_who_differ_none(db: Database, link: int) -> None:
    say(db, link, "wrong", "rita")
    say(db, link, "wrong", "adam")
    assert label(db) == (False, "human_review", "rita")
    assert disagreements(db) == []
    say(db, link, "right", "olga")
    assert label(db) == (None, None, None)
    assert disagreements(db) == ["conflict"]


def test_whoever_is_unsure_asks_for_an_adjudicator(db: Database, link: int) -> None:
    say(db, link, "unsure")
    assert label(db) == (None, None, None)
    assert disagreements(db) == ["unsure"]


def test_an_adjudicator_resolves_it_with_a_reason_and_never_their_own(db: Database, link: int) -> None:
    say(db, link, "right", "rita")
    say(db, link, "wrong", "adam")
    with refused(db, psycopg.errors.InvalidParameterValue, "needs a reason"):
        say(db, link, "wrong", "olga", "adjudication", note=" ")
    with refused(db, psycopg.errors.InsufficientPrivilege, "adam reviewed link"):
        say(db, link, "wrong", "adam", "adjudication", note="mine")
    with refused(db, psycopg.errors.InvalidParameterValue, "right or wrong, not unsure"):
        say(db, link, "unsure", "olga", "adjudication", note="cannot tell")
    say(db, link, "wrong", "olga", "adjudication", note="another trial")
    assert label(db) == (False, "human_review", "olga")
    assert disagreements(db) == []
    assert one(db.execute("SELECT review_notes FROM link_audit")) == ("another trial",)


def test_what_is_retracted_counts_as_if_it_had_never_been_said(db: Database, link: int) -> None:
    db.execute("UPDATE link_audit SET label = true, label_source = 'gold_standard'")
    said = say(db, link, "wrong")
    assert label(db) == (False, "human_review", "rita")
    say(db, link, "undone", supersedes=said)
    assert label(db) == (True, "gold_standard", None)
    assert [decision for decision, _, _ in records(db)] == ["right", "wrong", "undone"]


def test_a_later_decision_of_the_same_person_takes_the_place_of_the_earlier(db: Database, link: int) -> None:
    say(db, link, "right")
    say(db, link, "wrong")
    assert label(db) == (False, "human_review", "rita")
    assert disagreements(db) == []


# Labels by plain SQL


def test_a_label_by_plain_sql_is_recorded_and_never_refused(db: Database, link: int) -> None:
    db.execute("UPDATE link_audit SET label = true")
    db.execute("UPDATE link_audit SET label = false, label_source = 'external_validation', reviewed_by = 'pipeline'")
    db.execute("UPDATE link_audit SET label = NULL, label_source = NULL")
    assert records(db) == [("right", None, "sql"), ("wrong", "pipeline", "sql"), ("cleared", "pipeline", "sql")]
    supersedes = db.execute("SELECT supersedes IS NOT NULL FROM link_reviews ORDER BY review_id").fetchall()
    assert supersedes == [(False,), (True,), (True,)]


def test_a_label_by_plain_sql_counts_over_what_people_said_and_ends_a_disagreement(db: Database, link: int) -> None:
    say(db, link, "right", "rita")
    say(db, link, "wrong", "adam")
    db.execute("UPDATE link_audit SET label = true, reviewed_by = 'pipeline'")
    assert label(db) == (True, None, "pipeline")
    assert disagreements(db) == []
    say(db, link, "wrong", "olga")
    assert label(db) == (False, "human_review", "olga")


def test_links_that_come_with_labels_bring_their_records(db: Database) -> None:
    make_link_audits(db, "HP-1", [True, None, False], label_source="external_validation")
    assert records(db) == [("right", None, "sql"), ("wrong", None, "sql")]


def test_what_is_no_label_is_no_decision(db: Database, link: int) -> None:
    db.execute(
        "UPDATE link_audit SET promotion_status = 'promoted', confidence = 0.5, review_notes = 'x', label = label"
    )
    assert records(db) == []


def test_whoever_writes_may_say_how(db: Database, link: int) -> None:
    db.execute("SELECT set_config('ncfd.review_mode', 'load', true)")
    db.execute("UPDATE link_audit SET label = true")
    assert records(db) == [("right", None, "load")]


# The record


@pytest.mark.parametrize(
    "statement",
    ["UPDATE link_reviews SET decision = 'wrong'", "DELETE FROM link_reviews", "TRUNCATE link_reviews"],
)
def test_a_record_is_neither_changed_nor_deleted(db: Database, link: int, statement: str) -> None:
    say(db, link, "right")
    with refused(db, psycopg.errors.IntegrityConstraintViolation, "link_reviews is append-only"):
        db.execute(statement)


def test_the_record_outlives_the_document(db: Database, link: int) -> None:
    say(db, link, "right", "rita")
    say(db, link, "wrong", "adam")
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
def test_what_is_no_decision_is_refused(
    db: Database, link: int, values: dict[str, Any], error: type[psycopg.Error]
) -> None:
    row = {"audit_id": link, "doc_id": 1, "asset_id": 1, "decision": "right", "reviewer": "rita", "mode": "page"}
    with refused(db, error):
        insert(db, "link_reviews", **{**row, **values})


def test_a_plain_insert_into_the_record_makes_the_label_too(db: Database, link: int) -> None:
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


# The revision


def test_labels_that_exist_become_the_first_records(empty_database: Keywords) -> None:
    databases.migrate(empty_database, "20261127_add_site_jobs")
    with psycopg.connect(**empty_database) as db:
        make_link_audits(db, "HP-1", [True, False, None], label_source="human_review", reviewed_by="rita")
    assert run(empty_database).verified
    said = "SELECT decision, reviewer, mode, heuristic FROM link_reviews ORDER BY review_id"
    assert query(empty_database, said) == [
        ("right", "rita", "existing", "HP-1"),
        ("wrong", "rita", "existing", "HP-1"),
    ]
    with psycopg.connect(**empty_database, autocommit=True) as db:
        db.execute("CALL backfill_link_reviews()")
    assert query(empty_database, "SELECT count(*) FROM link_reviews") == [(2,)]


def test_a_label_that_changes_before_the_revision_has_come_to_it_is_not_lost(db: Database, link: int) -> None:
    db.execute("ALTER TABLE link_audit DISABLE TRIGGER USER")
    db.execute("UPDATE link_audit SET label = true, reviewed_by = 'rita'")
    db.execute("ALTER TABLE link_audit ENABLE TRIGGER USER")
    db.execute("UPDATE link_audit SET label = false, reviewed_by = 'adam'")
    assert records(db) == [("right", "rita", "existing"), ("wrong", "adam", "sql")]
