"""Random samples and the review queue."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.databases import Keywords
from tests.sql import Database, make_link_audits, one, refused

LEASE = timedelta(minutes=15)
Slot = dict[str, Any]


def draw(db: Database, size: int = 50, share: float = 0, purpose: str = "precision", seed: int = 1) -> Any:
    cursor = db.execute("SELECT draw_review_sample('HP-2', %s, %s, %s, %s, 'olga')", [size, share, purpose, seed])
    return one(cursor)[0]


def claim(db: Database, reviewer: str = "rita", sample: int | None = None) -> Slot | None:
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("SELECT * FROM claim_review_slot(%s, %s, %s)", [reviewer, sample, LEASE]).fetchone()


def claimed(db: Database, reviewer: str = "rita") -> Slot:
    slot = claim(db, reviewer)
    assert slot is not None
    return slot


def submit(
    db: Database, token: Any, decision: str = "right", reviewer: str = "rita", note: str = ""
) -> tuple[str, Any]:
    outcome, review_id, _, _ = one(
        db.execute("SELECT * FROM submit_review(%s, %s, %s, %s, 4.5)", [token, reviewer, decision, note])
    )
    return outcome, review_id


def undo(db: Database, review: int, reviewer: str = "rita") -> tuple[str, Any]:
    found: tuple[str, Any] = one(
        db.execute("SELECT * FROM undo_review(%s, %s, %s, %s)", [review, reviewer, timedelta(minutes=10), LEASE])
    )
    return found


def end_leases(db: Database) -> None:
    db.execute("UPDATE review_slots SET lease_until = now() - interval '1 second' WHERE state = 'open'")


@pytest.fixture
def links(db: Database) -> list[int]:
    """Twenty links of HP-2 without labels."""
    make_link_audits(db, "HP-2", [None] * 20)
    return [key for (key,) in db.execute("SELECT audit_id FROM link_audit ORDER BY 1").fetchall()]


# Samples


def test_sample_is_random_reproducible_and_disjoint(db: Database, links: list[int]) -> None:
    sample = draw(db, 8)
    drawn = "SELECT audit_id FROM review_slots WHERE sample_id = %s ORDER BY position"
    first = [key for (key,) in db.execute(drawn, [sample]).fetchall()]
    assert len(set(first)) == 8
    assert first != sorted(first)
    sample_row = one(db.execute("SELECT population, size, drawn_by FROM review_samples WHERE sample_id = %s", [sample]))
    assert sample_row == (20, 8, "olga")
    second = [key for (key,) in db.execute(drawn, [draw(db, 100)]).fetchall()]
    assert sorted(first + second) == links
    assert draw(db) is None
    db.execute("DELETE FROM review_samples")
    assert [key for (key,) in db.execute(drawn, [draw(db, 8)]).fetchall()] == first


def test_labeled_links_are_drawn(db: Database) -> None:
    make_link_audits(db, "HP-2", [True, False, None])
    draw(db)
    assert one(db.execute("SELECT count(*) FROM review_slots")) == (3,)


def test_share_of_links_has_a_second_slot(db: Database, links: list[int]) -> None:
    draw(db, share=1)
    assert one(db.execute("SELECT count(*) FROM review_slots WHERE opinion = 2")) == (20,)


def test_promoted_sample_has_promoted_links_only(db: Database, links: list[int]) -> None:
    db.execute("UPDATE link_audit SET promotion_status = 'promoted' WHERE audit_id = ANY (%s)", [links[:3]])
    draw(db, purpose="promoted")
    assert sorted(key for (key,) in db.execute("SELECT audit_id FROM review_slots").fetchall()) == links[:3]


@pytest.mark.parametrize("size", [0, -1, 100_001, None])
def test_invalid_sample_size_is_rejected(db: Database, size: int | None) -> None:
    with refused(db, psycopg.errors.InvalidParameterValue, "the sample size must be 1 to 100000"):
        draw(db, size)  # type: ignore[arg-type]


# Leases


def test_slots_are_leased_in_order_and_a_lease_is_renewed(db: Database, links: list[int]) -> None:
    draw(db)
    first = claimed(db)
    assert (first["position"], first["leased_by"]) == (1, "rita")
    again = claimed(db)
    assert again["lease_token"] == first["lease_token"]
    assert claimed(db, "adam")["position"] == 2
    submit(db, first["lease_token"])
    assert claimed(db)["position"] == 3


def test_expired_lease_goes_to_others(db: Database, links: list[int]) -> None:
    draw(db)
    mine = claimed(db)
    end_leases(db)
    theirs = claimed(db, "adam")
    assert theirs["slot_id"] == mine["slot_id"]
    assert submit(db, mine["lease_token"]) == ("unknown", None)
    end_leases(db)
    assert submit(db, theirs["lease_token"], reviewer="adam") == ("expired", None)
    assert db.execute("SELECT * FROM link_reviews").fetchall() == []


def test_repeated_submission_is_recorded_once(db: Database, links: list[int]) -> None:
    draw(db)
    token = claimed(db)["lease_token"]
    outcome, review = submit(db, token)
    assert outcome == "recorded"
    assert submit(db, token, "wrong") == ("repeated", review)
    assert one(db.execute("SELECT decision, seconds, sample_id IS NOT NULL FROM link_reviews"))[0] == "right"


def test_token_of_another_reviewer_is_unknown(db: Database, links: list[int]) -> None:
    draw(db)
    token = claimed(db)["lease_token"]
    assert submit(db, token, reviewer="adam") == ("unknown", None)
    assert submit(db, uuid.uuid4()) == ("unknown", None)


def test_second_opinion_needs_another_reviewer(db: Database) -> None:
    make_link_audits(db, "HP-2", [None])
    draw(db, share=1)
    submit(db, claimed(db)["lease_token"])
    assert claim(db) is None
    second = claimed(db, "adam")
    assert second["opinion"] == 2
    submit(db, second["lease_token"], "wrong", "adam")
    assert db.execute("SELECT reason FROM link_disagreements").fetchall() == [("conflict",)]
    assert claim(db, "olga") is None


def test_reviewer_cannot_lease_both_slots_of_a_link(db: Database) -> None:
    make_link_audits(db, "HP-2", [None])
    draw(db, share=1)
    claimed(db)
    assert claimed(db, "adam")["opinion"] == 2
    assert claim(db, "olga") is None


def test_closed_sample_is_not_leased(db: Database, links: list[int]) -> None:
    draw(db)
    db.execute("UPDATE review_samples SET closed_by = 'olga', closed_at = now()")
    assert claim(db) is None


def test_concurrent_reviewers_lease_different_slots(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as db:
        make_link_audits(db, "HP-2", [None] * 20)
        draw(db)
    barrier = Barrier(20)

    def go(number: int) -> int:
        with psycopg.connect(**head_database) as db:
            barrier.wait()
            return int(claimed(db, f"reviewer {number}")["slot_id"])

    for _ in range(3):
        with psycopg.connect(**head_database) as db:
            end_leases(db)
        with ThreadPoolExecutor(20) as pool:
            assert len(set(pool.map(go, range(20)))) == 20


def test_reviewer_with_many_windows_has_one_slot(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as db:
        make_link_audits(db, "HP-2", [None] * 20)
        draw(db)
    barrier = Barrier(8)

    def go(_: int) -> int:
        with psycopg.connect(**head_database) as db:
            barrier.wait()
            return int(claimed(db)["slot_id"])

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(go, range(8)))) == 1


# Skipping and undoing


def test_skipped_slot_goes_to_another_reviewer(db: Database, links: list[int]) -> None:
    sample = draw(db)
    slot = claimed(db)
    with refused(db, psycopg.errors.InvalidParameterValue, "needs a reason"):
        db.execute("SELECT skip_review(%s, 'rita', ' ')", [slot["lease_token"]])
    assert one(db.execute("SELECT skip_review(%s, 'rita', 'in Japanese')", [slot["lease_token"]])) == (True,)
    assert one(db.execute("SELECT skip_review(%s, 'rita', 'again')", [slot["lease_token"]])) == (False,)
    assert claimed(db)["position"] == 2
    assert claimed(db, "adam")["slot_id"] == slot["slot_id"]
    assert one(db.execute("SELECT count(*) FROM review_slots WHERE sample_id = %s", [sample])) == (20,)


def test_undoing_leases_the_slot_again(db: Database, links: list[int]) -> None:
    draw(db)
    slot = claimed(db)
    _, review = submit(db, slot["lease_token"], "wrong")
    outcome, token = undo(db, review)
    assert outcome == "undone"
    assert one(db.execute("SELECT label FROM link_audit WHERE audit_id = %s", [slot["audit_id"]])) == (None,)
    assert claimed(db)["lease_token"] == token
    assert submit(db, token, "right")[0] == "recorded"
    decisions = db.execute("SELECT decision FROM link_reviews ORDER BY review_id").fetchall()
    assert decisions == [("wrong",), ("undone",), ("right",)]
    assert undo(db, review)[0] == "unknown"


def test_foreign_old_and_used_decisions_are_not_undone(db: Database) -> None:
    make_link_audits(db, "HP-2", [None])
    sample = draw(db, share=1)
    _, mine = submit(db, claimed(db)["lease_token"])
    _, theirs = submit(db, claimed(db, "adam")["lease_token"], "wrong", "adam")
    assert undo(db, mine, "adam") == ("unknown", None)
    with db.transaction(force_rollback=True):
        db.execute("INSERT INTO interim_analyses VALUES (%s, 1, 0, 0.0125, 0.9, false)", [sample])
        assert undo(db, mine) == ("used", None)
    query = "SELECT * FROM undo_review(%s, 'rita', interval '-1 second', %s)"
    assert one(db.execute(query, [mine, LEASE]))[0] == "too_late"
    (link,) = one(db.execute("SELECT audit_id FROM link_audit"))
    db.execute("SELECT record_link_review(%s, 'right', 'olga', 'adjudication', 'it is')", [link])
    assert undo(db, theirs, "adam") == ("used", None)


def test_slots_of_deleted_links_are_marked(db: Database, links: list[int]) -> None:
    draw(db)
    token = claimed(db)["lease_token"]
    db.execute("DELETE FROM documents")
    assert submit(db, token) == ("deleted", None)
    assert claim(db) is None
    assert db.execute("SELECT DISTINCT state FROM review_slots").fetchall() == [("deleted",)]
