"""Promotion of links by the promotion rule, and its reversal."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.databases import Keywords
from tests.schema.test_storage_garbage_collection import wait_for_a_lock
from tests.sql import Database, insert, make_link_audits, make_trial, one, refused

BLOCKED = psycopg.errors.ObjectNotInPrerequisiteState


def begin(db: Database, by: str = "olga", reason: str = "rule met") -> int:
    return int(one(db.execute("SELECT start_link_promotion('HP-1', %s, %s, 'no sample yet')", [by, reason]))[0])


def promote(db: Database, promotion: int, after: int = 0, limit: int = 1000) -> tuple[int, int | None]:
    found: tuple[int, int | None] = one(
        db.execute("SELECT * FROM promote_links(%s, %s, %s)", [promotion, after, limit])
    )
    return found


def revert(db: Database, promotion: int) -> int:
    return int(one(db.execute("SELECT revert_link_promotion(%s, 'olga', 'too early')", [promotion]))[0])


def statuses(db: Database) -> dict[str, int]:
    return dict(db.execute("SELECT promotion_status, count(*) FROM link_audit GROUP BY 1").fetchall())


@pytest.fixture
def links(db: Database) -> Database:
    """Sixty links of HP-1 that are right, one that is wrong, five that are open; all of one asset, document and "
    "trial."""
    fill(db)
    return db


def fill(db: Database) -> None:
    make_trial(db)
    make_link_audits(
        db,
        "HP-1",
        [True] * 60 + [False] + [None] * 5,
        nct_id="NCT00000001",
        label_source="human_review",
        reviewed_by="rita",
    )


def test_promotion_adds_assets_to_trial_and_studies(links: Database) -> None:
    db = links
    (trial,) = one(db.execute("SELECT trial_id FROM trials"))
    (doc,) = one(db.execute("SELECT doc_id FROM documents"))
    studies = [insert(db, "studies", trial_id=trial, doc_type="Paper", year=2024) for _ in range(2)]
    for study in [*studies, None]:
        insert(db, "document_links", doc_id=doc, study_id=study, link_type="t", confidence=1)
    promotion = begin(db)
    assert promote(db, promotion)[0] == 65
    assert promote(db, promotion, 10**9) == (0, None)
    assert statuses(db) == {"promoted": 65, "pending": 1}
    row = one(db.execute("SELECT trial_id, how, link_source, promoted_by, status FROM trial_assets_xref"))
    assert row == (trial, "HP-1", "link_audit", "olga", "active")
    named = db.execute("SELECT study_id FROM study_assets_xref ORDER BY 1").fetchall()
    assert named == [(str(study),) for study in sorted(studies)]
    promotion_row = one(
        db.execute("SELECT link_count, precision_counts ->> 'correct_links', reason FROM link_promotions")
    )
    assert promotion_row == (65, "60", "rule met")
    # Promotion does not change labels.
    assert one(db.execute("SELECT count(*) FROM link_audit WHERE label")) == (60,)


def test_promotion_runs_in_batches(links: Database) -> None:
    promotion, after, promoted = begin(links), 0, []
    while True:
        count, last = promote(links, promotion, after, 30)
        if last is None:
            break
        promoted.append(count)
        after = last
    assert promoted == [30, 30, 5]


def test_reverting_restores_links_and_deletes_rows(links: Database) -> None:
    db = links
    promotion = begin(db)
    promote(db, promotion)
    assert revert(db, promotion) == 65
    assert statuses(db) == {"pending": 66}
    assert one(db.execute("SELECT count(*) FROM trial_assets_xref")) == (0,)
    assert one(db.execute("SELECT reverted_by, revert_reason FROM link_promotions")) == ("olga", "too early")
    with refused(db, BLOCKED, "does not exist or is already reverted"):
        revert(db, promotion)
    with refused(db, BLOCKED, "does not exist or was reverted"):
        promote(db, promotion)


def test_existing_rows_are_kept(links: Database) -> None:
    db = links
    (trial,), (asset,) = one(db.execute("SELECT trial_id FROM trials")), one(db.execute("SELECT asset_id FROM assets"))
    made = {"trial_id": trial, "asset_id": asset, "how": "review", "link_source": "review", "confidence": 1}
    insert(db, "trial_assets_xref", **made)
    promotion = begin(db)
    promote(db, promotion)
    revert(db, promotion)
    assert one(db.execute("SELECT how FROM trial_assets_xref")) == ("review",)


def test_reverting_keeps_later_changes(links: Database) -> None:
    db = links
    promotion = begin(db)
    promote(db, promotion)
    (one_link,) = one(db.execute("SELECT min(audit_id) FROM link_audit"))
    db.execute("UPDATE link_audit SET promotion_status = 'rejected' WHERE audit_id = %s", [one_link])
    assert revert(db, promotion) == 64
    assert statuses(db) == {"rejected": 1, "pending": 65}


def test_reverting_keeps_rows_of_a_later_promotion(links: Database) -> None:
    db = links
    first = begin(db)
    promote(db, first, limit=10)
    second = begin(db)
    promote(db, second)
    revert(db, first)
    assert statuses(db) == {"promoted": 55, "pending": 11}
    assert one(db.execute("SELECT count(*) FROM trial_assets_xref")) == (1,)


def test_disputed_links_and_unknown_trials_stay_pending(links: Database) -> None:
    db = links
    (open_one,) = one(db.execute("SELECT min(audit_id) FROM link_audit WHERE label IS NULL"))
    db.execute("SELECT record_link_review(%s, 'unsure', 'adam', 'queue')", [open_one])
    db.execute("UPDATE link_audit SET nct_id = 'NCT99999999' WHERE audit_id = %s", [open_one + 1])
    assert promote(db, begin(db))[0] == 63


@pytest.mark.parametrize(
    "labels", [[True] * 49, [True] * 283 + [False] * 15, [None] * 100], ids=["too few", "just under", "none"]
)
def test_unmet_promotion_rule_raises(db: Database, labels: list[bool | None]) -> None:
    make_link_audits(db, "HP-1", labels)
    with refused(db, BLOCKED, "the promotion rule of HP-1 is not met"):
        begin(db)


def test_sole_labeler_cannot_promote(links: Database) -> None:
    with refused(
        links,
        psycopg.errors.InsufficientPrivilege,
        "rita cannot promote links of HP-1: all labels are by the same user",
    ):
        begin(links, by="rita")
    links.execute("UPDATE link_audit SET reviewed_by = 'adam' WHERE audit_id = (SELECT min(audit_id) FROM link_audit)")
    assert begin(links, by="rita")


@pytest.mark.parametrize(("by", "reason"), [("olga", " "), ("", "why not"), ("olga", None)])
def test_promotion_needs_a_user_and_a_reason(links: Database, by: str, reason: Any) -> None:
    with refused(links, psycopg.errors.InvalidParameterValue, "a promotion needs a user and a reason"):
        begin(links, by, reason)


def test_promotion_rule_is_rechecked_in_each_batch(links: Database) -> None:
    db = links
    promotion = begin(db)
    promote(db, promotion, limit=10)
    db.execute(
        "UPDATE link_audit SET label = false WHERE audit_id IN (SELECT audit_id FROM link_audit WHERE label LIMIT 9)"
    )
    with refused(db, BLOCKED, "51 of 61 reviewed links are right"):
        promote(db, promotion)


def test_promotion_waits_for_a_concurrent_decision(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as reviewer, psycopg.connect(**head_database) as promoter:
        fill(reviewer)
        promotion = begin(reviewer)
        reviewer.commit()
        (labeled_ids,) = one(reviewer.execute("SELECT array_agg(audit_id) FROM link_audit WHERE label"))
        for link in labeled_ids[:9]:
            reviewer.execute("SELECT record_link_review(%s, 'wrong', 'adam', 'page')", [link])
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(promote, promoter, promotion)
            wait_for_a_lock(reviewer)
            reviewer.commit()
            with pytest.raises(BLOCKED):
                waiting.result()


def test_decision_waits_for_a_concurrent_promotion(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as reviewer, psycopg.connect(**head_database) as promoter:
        fill(promoter)
        promotion = begin(promoter)
        promoter.commit()
        assert promote(promoter, promotion)[0] == 65
        with ThreadPoolExecutor(1) as pool:
            statement = "UPDATE link_audit SET label = false WHERE audit_id = (SELECT min(audit_id) FROM link_audit)"
            waiting = pool.submit(reviewer.execute, statement)
            wait_for_a_lock(promoter)
            promoter.commit()
            waiting.result()
        reviewer.commit()
        query = "SELECT promotion_status, label FROM link_audit ORDER BY audit_id LIMIT 1"
        assert one(reviewer.execute(query)) == ("promoted", False)
