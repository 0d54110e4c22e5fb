"""Precision and the gate, as the database's functions give them, and the forecast that is ours."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from linkaudit.models import LinkAudit
from linkaudit.queries import (
    can_auto_promote,
    heuristic_names,
    heuristic_precision,
    heuristic_standing,
    heuristics,
    reviews_needed,
)
from tests.factories import make_asset, make_document, make_link_audit


def make_links(heuristic: str | None, right: int = 0, wrong: int = 0, opened: int = 0) -> None:
    document, asset = make_document(), make_asset()
    for label, count in ((True, right), (False, wrong), (None, opened)):
        LinkAudit.objects.bulk_create(
            LinkAudit(
                doc=document, asset=asset, link_type="x", confidence="0.90", heuristic_applied=heuristic, label=label
            )
            for _ in range(count)
        )


@pytest.mark.django_db
def test_counts_rate_and_interval_of_a_heuristic() -> None:
    make_links("HP-1", right=57, wrong=3, opened=30)
    make_links("HP-2", wrong=5)
    precision = heuristic_precision("HP-1")
    assert precision is not None
    assert (precision.total_links, precision.reviewed_links, precision.unreviewed_links) == (90, 60, 30)
    assert (precision.correct_links, precision.incorrect_links) == (57, 3)
    assert precision.precision_rate == Decimal("0.95")
    assert precision.interval is not None
    assert precision.interval.low == pytest.approx(0.8630, abs=1e-4)


@pytest.mark.django_db
def test_nothing_reviewed_is_unknown_and_an_unknown_heuristic_is_nothing() -> None:
    make_links("HP-4", opened=3)
    precision = heuristic_precision("HP-4")
    assert precision is not None
    assert precision.precision_rate is None
    assert precision.interval is None
    assert heuristic_precision("HP-9") is None
    assert heuristic_standing("HP-9") is None


@pytest.mark.django_db
def test_both_ends_of_the_dates_count() -> None:
    start, end = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 31, tzinfo=UTC)
    for created in (start, end, datetime(2024, 1, 31, 0, 0, 1, tzinfo=UTC)):
        make_link_audit(heuristic_applied="HP-1", created_at=created)
    precision = heuristic_precision("HP-1", start, end)
    assert precision is not None
    assert precision.total_links == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("right", "wrong", "opened", "open_gate"),
    [(48, 2, 0, True), (47, 3, 0, False), (49, 0, 900, False), (0, 0, 60, False), (283, 15, 0, False)],
)
def test_the_gate_is_the_databases(right: int, wrong: int, opened: int, open_gate: bool) -> None:
    make_links("HP-1", right, wrong, opened)
    assert can_auto_promote("HP-1") is open_gate
    standing = heuristic_standing("HP-1")
    assert standing is not None
    assert standing.can_promote is open_gate


@pytest.mark.django_db
def test_the_gate_takes_other_limits() -> None:
    make_links("HP-1", right=8, wrong=2)
    assert can_auto_promote("HP-1", Decimal("0.8"), 10)
    assert not can_auto_promote("HP-1", Decimal("0.81"), 10)


@pytest.mark.django_db
def test_all_heuristics_stand_in_two_queries_by_name(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for name in ("HP-2", "TRN-abstract", "HP-1", None):
        make_links(name, right=1, opened=1)
    assert heuristic_names() == ["HP-1", "HP-2", "TRN-abstract"]
    with django_assert_num_queries(2):
        standings = heuristics()
    assert [standing.heuristic for standing in standings] == ["HP-1", "HP-2", "TRN-abstract"]
    assert {standing.total_links for standing in standings} == {2}


@pytest.mark.django_db
def test_without_links_there_are_no_heuristics() -> None:
    assert heuristics() == []


@pytest.mark.parametrize(
    ("correct", "reviewed", "needed"),
    [(0, 0, 50), (57, 60, 0), (49, 49, 1), (40, 44, 36), (283, 298, 2), (0, 1, 49), (45, 49, 31)],
)
def test_how_many_more_are_needed(correct: int, reviewed: int, needed: int) -> None:
    assert reviews_needed(correct, reviewed) == needed
    after = Decimal(correct + needed) / (reviewed + needed)
    assert after >= Decimal("0.95")
    assert reviewed + needed >= 50
    one_less = needed - 1
    assert (
        needed == 0 or reviewed + one_less < 50 or Decimal(correct + one_less) / (reviewed + one_less) < Decimal("0.95")
    )


def test_a_precision_of_one_is_out_of_reach_after_a_wrong_one() -> None:
    with pytest.raises(ValueError, match="cannot be reached"):
        reviews_needed(9, 10, Decimal(1))
