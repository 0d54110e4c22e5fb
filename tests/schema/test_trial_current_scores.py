"""The current score of each trial, under all kinds of writes."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier, Event
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import databases
from tests.databases import Keywords
from tests.migration.running import query, run
from tests.sql import Database, insert, make_company, make_trial, one, refused

CURRENT_SCORE = "SELECT run_id, p_fail, previous_run_id, previous_p_fail, change FROM trial_current_scores"
# The expected rows, computed from trials and scores.
EXPECTED_SCORES = """
    SELECT t.trial_id, t.sponsor_company_id, s[1].score_id, s[1].run_id, s[1].p_fail, s[2].run_id, s[2].p_fail
    FROM trials t CROSS JOIN LATERAL (
        SELECT
            array_agg(c ORDER BY c.scored_at DESC, c.score_id DESC) AS s
        FROM scores c WHERE c.trial_id = t.trial_id
            AND NOT EXISTS (SELECT FROM score_runs r WHERE r.run_id = c.run_id AND r.state <> 'complete')) n
    ORDER BY 1
"""
CURRENT_SCORES = """
    SELECT trial_id, sponsor_company_id, score_id, run_id, p_fail, previous_run_id, previous_p_fail
    FROM trial_current_scores ORDER BY 1
"""


def add_score(db: Database, trial: int, run_id: str, p_fail: float, day: int = 1) -> int:
    return int(
        insert(
            db, "scores", trial_id=trial, run_id=run_id, prior_pi=0.5, logit_prior=0, sum_log_lr=0, logit_post=0,
            p_fail=p_fail, scored_at=f"2026-01-{day:02}T00:00Z",
        )
    )  # fmt: skip


def read_current_score(db: Database) -> Any:
    return one(db.execute(CURRENT_SCORE))


@pytest.fixture
def trial(db: Database) -> int:
    return make_trial(db)


def test_new_trial_has_a_row_without_a_score(db: Database, trial: int) -> None:
    assert read_current_score(db) == (None, None, None, None, None)


def test_current_and_previous_score_have_the_change(db: Database, trial: int) -> None:
    add_score(db, trial, "a", 0.4, day=1)
    assert read_current_score(db) == ("a", Decimal("0.40000"), None, None, None)
    add_score(db, trial, "b", 0.65, day=2)
    assert read_current_score(db) == ("b", Decimal("0.65000"), "a", Decimal("0.40000"), Decimal("0.25000"))


def test_earlier_score_does_not_become_current(db: Database, trial: int) -> None:
    add_score(db, trial, "now", 0.4, day=20)
    add_score(db, trial, "backtest", 0.9, day=3)
    assert read_current_score(db)[:4] == ("now", Decimal("0.40000"), "backtest", Decimal("0.90000"))


def test_later_row_wins_for_equal_times(db: Database, trial: int) -> None:
    add_score(db, trial, "b", 0.4)
    add_score(db, trial, "a", 0.5)
    assert read_current_score(db)[0] == "a"


def test_updated_and_deleted_scores_are_synced(db: Database, trial: int) -> None:
    add_score(db, trial, "a", 0.4, day=1)
    add_score(db, trial, "b", 0.5, day=2)
    db.execute("UPDATE scores SET p_fail = 0.7 WHERE run_id = 'b'")
    assert read_current_score(db)[1] == Decimal("0.70000")
    db.execute("UPDATE scores SET scored_at = '2026-01-05' WHERE run_id = 'a'")
    assert read_current_score(db)[:3] == ("a", Decimal("0.40000"), "b")
    db.execute("DELETE FROM scores WHERE run_id = 'a'")
    assert read_current_score(db)[:3] == ("b", Decimal("0.70000"), None)
    db.execute("TRUNCATE scores")
    assert read_current_score(db) == (None, None, None, None, None)


def test_score_moved_to_another_trial_changes_both(db: Database, trial: int) -> None:
    other = make_trial(db, "NCT00000002")
    add_score(db, trial, "a", 0.4)
    db.execute("UPDATE scores SET trial_id = %s", [other])
    found = db.execute("SELECT trial_id, run_id FROM trial_current_scores ORDER BY trial_id").fetchall()
    assert found == [(trial, None), (other, "a")]


def set_state(db: Database, run_id: str, state: str) -> None:
    db.execute(
        "INSERT INTO score_runs (run_id, state, moment) VALUES (%s, %s, now())"
        " ON CONFLICT (run_id) DO UPDATE SET state = excluded.state",
        [run_id, state],
    )


def test_scores_become_current_when_their_run_is_complete(db: Database, trial: int) -> None:
    other = make_trial(db, "NCT00000002")
    add_score(db, trial, "a", 0.4, day=1)
    add_score(db, other, "later", 0.2, day=9)
    set_state(db, "b", "running")
    add_score(db, trial, "b", 0.65, day=2)
    add_score(db, other, "b", 0.3, day=2)
    current = "SELECT run_id, previous_run_id FROM trial_current_scores ORDER BY trial_id"
    assert db.execute(current).fetchall() == [("a", None), ("later", None)]
    set_state(db, "b", "complete")
    assert db.execute(current).fetchall() == [("b", "a"), ("later", "b")]
    set_state(db, "b", "failed")
    assert db.execute(current).fetchall() == [("a", None), ("later", None)]
    db.execute("DELETE FROM score_runs")
    assert db.execute(current).fetchall() == [("b", "a"), ("later", "b")]


def test_run_completes_after_its_open_transactions(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as db:
        trial = make_trial(db)
        set_state(db, "a", "running")
    with psycopg.connect(**head_database) as writer, psycopg.connect(**head_database, autocommit=True) as other:
        add_score(writer, trial, "a", 0.4)
        other.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            set_state(other, "a", "complete")
        writer.commit()
        set_state(other, "a", "complete")
    assert query(head_database, "SELECT run_id FROM trial_current_scores") == [("a",)]


def test_existing_runs_are_recorded_as_complete(empty_database: Keywords) -> None:
    databases.become(empty_database, "20261128_add_comments")
    with psycopg.connect(**empty_database) as db:
        trials = [make_trial(db), make_trial(db, "NCT00000002")]
        for day, trial in enumerate(trials, 1):
            add_score(db, trial, "a", 0.4, day=day)
            insert(
                db, "gates", trial_id=trial, G_id="G1", fired_bool=False,
                metadata='{"run_id": "b", "table_version": "7"}',
            )  # fmt: skip
        add_score(db, trials[0], "b", 0.6, day=3)
        db.execute("UPDATE scores SET metadata = '{\"table_version\": \"7\"}' WHERE run_id = 'b'")
    assert run(empty_database).verified
    found = query(
        empty_database,
        "SELECT run_id, state, extract(day FROM moment AT TIME ZONE 'UTC')::int, table_version, has_gates, trial_count"
        " FROM score_runs ORDER BY 1",
    )
    assert found == [("a", "complete", 2, None, False, 2), ("b", "complete", 3, "7", True, 1)]
    assert query(empty_database, CURRENT_SCORES) == query(empty_database, EXPECTED_SCORES)


def test_deleted_trial_has_no_row(db: Database, trial: int) -> None:
    add_score(db, trial, "a", 0.4)
    db.execute("DELETE FROM trials")
    assert db.execute("SELECT count(*) FROM trial_current_scores").fetchone() == (0,)


def test_sponsor_company_is_synced(db: Database, trial: int) -> None:
    companies = [make_company(db, number) for number in (1, 2)]
    for company in (*companies, None):
        db.execute("UPDATE trials SET sponsor_company_id = %s", [company])
        assert one(db.execute("SELECT sponsor_company_id FROM trial_current_scores")) == (company,)
    make_trial(db, "NCT00000002")
    db.execute(
        "INSERT INTO trials (nct_id, sponsor_company_id, is_pivotal, last_seen_at)"
        " SELECT 'NCT0000000' || n, %s, true, now() FROM generate_series(2, 3) n"
        " ON CONFLICT (nct_id) DO UPDATE SET sponsor_company_id = EXCLUDED.sponsor_company_id",
        companies[:1],
    )
    found = db.execute("SELECT sponsor_company_id FROM trial_current_scores ORDER BY trial_id").fetchall()
    assert found == [(None,), (companies[0],), (companies[0],)]


def test_change_cannot_be_written(db: Database, trial: int) -> None:
    with refused(db, psycopg.errors.GeneratedAlways):
        db.execute("UPDATE trial_current_scores SET change = 1")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add", "move", "state", "raise", "drop", "sponsor"]),
        st.integers(0, 2),
        st.integers(0, 5),
        st.integers(1, 9),
    ),
    max_size=25,
)


@given(STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_current_scores_match_after_any_writes(db: Database, steps: list[tuple[str, int, int, int]]) -> None:
    with db.transaction(force_rollback=True):
        db.execute("DELETE FROM trials; DELETE FROM score_runs")
        companies = [make_company(db, cik) for cik in (11, 12)]
        trials = [make_trial(db, f"NCT0000001{number}") for number in range(3)]
        for what, which, run_number, day in steps:
            trial, run_id = trials[which], f"run {run_number}"
            if what == "add":
                db.execute(
                    "INSERT INTO scores"
                    " (trial_id, run_id, prior_pi, logit_prior, sum_log_lr, logit_post, p_fail, scored_at)"
                    " VALUES (%s, %s, 0.5, 0, 0, 0, %s, make_timestamptz(2026, 1, %s, 0, 0, 0))"
                    " ON CONFLICT (trial_id, run_id) DO UPDATE SET p_fail = EXCLUDED.p_fail",
                    [trial, run_id, day / 10, day],
                )
            elif what == "state":
                set_state(db, run_id, ("complete", "running", "failed")[day % 3])
            elif what == "move":
                moved = "UPDATE scores SET scored_at = make_timestamptz(2026, 1, %s, 0, 0, 0) WHERE run_id = %s"
                db.execute(moved, [day, run_id])
            elif what == "raise":
                db.execute("UPDATE scores SET p_fail = %s WHERE trial_id = %s", [day / 10, trial])
            elif what == "sponsor":
                # In one statement per row, or in one statement.
                sponsored = "UPDATE trials SET sponsor_company_id = %s WHERE trial_id = %s OR %s"
                db.execute(sponsored, [[*companies, None][run_number % 3], trial, day > 7])
            else:
                db.execute("DELETE FROM scores WHERE trial_id = %s AND run_id = %s", [trial, run_id])
        assert db.execute(CURRENT_SCORES).fetchall() == db.execute(EXPECTED_SCORES).fetchall()


def test_concurrent_writers_neither_deadlock_nor_lose_the_latest(
    head_database: Keywords,
) -> None:
    clients, trials = 8, 200
    with psycopg.connect(**head_database) as db:
        company = make_company(db, 1)
        for number in range(trials):
            make_trial(db, f"NCT{number:08}")
    begin = Barrier(clients + 1)
    score = """
        INSERT INTO scores (trial_id, run_id, prior_pi, logit_prior, sum_log_lr, logit_post, p_fail, scored_at)
        SELECT trial_id, %(run)s, 0.5, 0, 0, 0, 0.1, make_timestamptz(2026, 1, %(day)s, 0, 0, 0)
        FROM trials ORDER BY hashint8extended(trial_id, %(day)s)
    """

    def one_run(number: int) -> None:
        with psycopg.connect(**head_database) as db:
            begin.wait()
            db.execute(score, {"run": f"run {number}", "day": number + 1})

    def resolver() -> None:
        with psycopg.connect(**head_database, autocommit=True) as db:
            begin.wait()
            for sponsor in (company, None) * 5 + (company,):
                db.execute("UPDATE trials SET sponsor_company_id = %s", [sponsor])

    with ThreadPoolExecutor(clients + 1) as pool:
        for done in [pool.submit(resolver), *(pool.submit(one_run, number) for number in range(clients))]:
            done.result()
    assert query(
        head_database, "SELECT DISTINCT run_id, previous_run_id, sponsor_company_id FROM trial_current_scores"
    ) == [(f"run {clients - 1}", f"run {clients - 2}", company)]
    assert query(head_database, CURRENT_SCORES) == query(head_database, EXPECTED_SCORES)


def test_existing_scores_are_backfilled(empty_database: Keywords) -> None:
    databases.become(empty_database, "20261127_add_link_promotions")
    with psycopg.connect(**empty_database) as db:
        trial = make_trial(db)
        make_trial(db, "NCT00000002")
        add_score(db, trial, "a", 0.4, day=1)
        add_score(db, trial, "b", 0.6, day=2)
    assert run(empty_database).verified
    assert query(empty_database, CURRENT_SCORES) == query(empty_database, EXPECTED_SCORES)
    assert query(empty_database, "SELECT count(*), count(p_fail) FROM trial_current_scores") == [(2, 1)]


def test_sponsors_changed_during_the_backfill_are_synced(empty_database: Keywords) -> None:
    databases.become(empty_database, "20261127_add_link_promotions")
    with psycopg.connect(**empty_database) as db:
        companies = [make_company(db, number) for number in (1, 2)]
        db.execute(
            "INSERT INTO trials (nct_id, is_pivotal, last_seen_at)"
            " SELECT 'NCT' || lpad(n::text, 8, '0'), true, now() FROM generate_series(1, 25000) n"
        )
    done = Event()

    def resolver() -> int:
        changed = 0
        with psycopg.connect(**empty_database, autocommit=True) as db:
            while not done.is_set():
                changed += 1
                db.execute(
                    "UPDATE trials SET sponsor_company_id = %s WHERE trial_id %% 97 = %s",
                    [companies[changed % 2], changed % 97],
                )
        return changed

    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(resolver)
        try:
            assert run(empty_database).verified
        finally:
            done.set()
        assert changing.result() > 1
    assert query(empty_database, CURRENT_SCORES) == query(empty_database, EXPECTED_SCORES)


def test_backfill_corrects_writes_without_triggers(head_database: Keywords) -> None:
    with psycopg.connect(**head_database) as db:
        company = make_company(db, 1)
        trials = [make_trial(db, f"NCT0000000{number}") for number in range(3)]
        db.execute("SET session_replication_role = replica")
        db.execute("UPDATE trials SET sponsor_company_id = %s", [company])
        db.execute("DELETE FROM trial_current_scores WHERE trial_id = %s", trials[:1])
        add_score(db, trials[1], "a", 0.4)
    with psycopg.connect(**head_database, autocommit=True) as db:
        db.execute("CALL backfill_trial_current_scores()")
    assert query(head_database, CURRENT_SCORES) == query(head_database, EXPECTED_SCORES)
    assert len(query(head_database, CURRENT_SCORES)) == 3


def test_evaluation_needs_a_known_outcome_and_a_reason(db: Database, trial: int) -> None:
    row = {"trial_id": trial, "s_id": "S1", "outcome": "not fired", "reason": "nothing changed", "evaluated_by": "test"}
    insert(db, "signal_evaluations", **row)
    for wrong in ({"outcome": "no"}, {"reason": " "}, {"s_id": "S10"}):
        with refused(db, psycopg.errors.CheckViolation):
            insert(db, "signal_evaluations", **{**row, **wrong})
    with refused(db, psycopg.errors.UniqueViolation):
        insert(db, "signal_evaluations", **row)
