"""Precision of heuristics, and the promotion rule."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sql import Database, make_link_audits, one


def precision(db: Database, *arguments: object) -> tuple[object, ...] | None:
    marks = ", ".join(["%s"] * len(arguments))
    return db.execute(f"SELECT * FROM get_heuristic_precision({marks})", arguments).fetchone()


def promotes(db: Database, *arguments: object) -> object:
    marks = ", ".join(["%s"] * len(arguments))
    return one(db.execute(f"SELECT can_auto_promote_heuristic({marks})", arguments))[0]


def test_rate_has_four_digits(db: Database) -> None:
    make_link_audits(db, "HP-1", [True, True, False, None])
    assert precision(db, "HP-1") == ("HP-1", 4, 3, 2, 1, 1, Decimal("0.6667"))


def test_rate_is_null_without_reviews_and_unknown_heuristics_have_no_row(db: Database) -> None:
    make_link_audits(db, "HP-1", [None])
    assert precision(db, "HP-1") == ("HP-1", 1, 0, 0, 0, 1, None)
    assert precision(db, "HP-9") is None


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_both_dates_are_inclusive(db: Database, zone: str) -> None:
    db.execute(f"SET LOCAL timezone = '{zone}'")
    # The repeated hour at the end of daylight saving time in New York.
    moment = datetime(2024, 11, 3, 5, 30, tzinfo=UTC)
    for seconds in (-1, 0, 60, 61):
        make_link_audits(db, "HP-1", [True], created_at=moment + timedelta(seconds=seconds))
    row = precision(db, "HP-1", moment, moment + timedelta(seconds=60))
    assert row is not None
    assert row[1] == 2


@pytest.mark.parametrize(
    ("right", "wrong", "open_links", "may"),
    [
        (48, 2, 0, True),
        (47, 3, 0, False),
        (49, 0, 0, False),
        (50, 0, 0, True),
        (40, 0, 960, False),
        (283, 15, 0, False),
        (57, 3, 0, True),
        (0, 0, 60, False),
    ],
)
def test_rule_needs_fifty_reviewed_links_and_the_unrounded_rate(
    db: Database, right: int, wrong: int, open_links: int, may: bool
) -> None:
    make_link_audits(db, "HP-1", [True] * right + [False] * wrong + [None] * open_links)
    assert promotes(db, "HP-1") is may


def test_rule_is_never_null(db: Database) -> None:
    make_link_audits(db, "HP-1", [None])
    assert promotes(db, "HP-9") is False
    assert promotes(db, None) is False
    assert promotes(db, "HP-1", None, None) is False
    assert promotes(db, "HP-1", 0, 0) is False


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(right=st.integers(0, 70), wrong=st.integers(0, 10), least=st.integers(0, 60), rate=st.decimals(0, 1, places=4))
def test_rule_compares_exactly(db: Database, right: int, wrong: int, least: int, rate: Decimal) -> None:
    with db.transaction(force_rollback=True):
        make_link_audits(db, "HP-1", [True] * right + [False] * wrong)
        reviewed = right + wrong
        assert promotes(db, "HP-1", rate, least) is (reviewed > 0 and reviewed >= least and right >= rate * reviewed)


def test_summary_has_a_row_per_heuristic(db: Database) -> None:
    make_link_audits(db, "HP-1", [True, None])
    make_link_audits(db, "HP-2", [False])
    make_link_audits(db, None, [True])  # type: ignore[arg-type]
    rows = db.execute("SELECT * FROM heuristic_precision_summary ORDER BY 1").fetchall()
    assert rows == [("HP-1", 2, 1, 0, 1, Decimal("1.0000")), ("HP-2", 1, 0, 1, 0, Decimal("0.0000"))]
