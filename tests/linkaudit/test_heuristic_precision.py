"""Precision and the promotion rule, as the SQL functions return them, and the number of needed links."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from linkaudit.models import LinkAudit
from linkaudit.queries import (
    HeuristicStatus,
    list_heuristics,
    list_statuses,
    read_precision,
    read_status,
)
from ncfd_site.core import sql
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
    precision = read_precision("HP-1")
    assert precision is not None
    assert (precision.total_links, precision.reviewed_links, precision.unreviewed_links) == (90, 60, 30)
    assert (precision.correct_links, precision.incorrect_links) == (57, 3)
    assert precision.precision_rate == Decimal("0.95")
    assert precision.interval is not None
    assert precision.interval.low == pytest.approx(0.8630, abs=1e-4)


@pytest.mark.django_db
def test_unreviewed_and_unknown_heuristics() -> None:
    make_links("HP-4", opened=3)
    precision = read_precision("HP-4")
    assert precision is not None
    assert precision.precision_rate is None
    assert precision.interval is None
    assert read_precision("HP-9") is None
    assert read_status("HP-9") is None


@pytest.mark.django_db
def test_both_ends_of_the_window_count() -> None:
    start, end = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 31, tzinfo=UTC)
    for created in (start, end, datetime(2024, 1, 31, 0, 0, 1, tzinfo=UTC)):
        make_link_audit(heuristic_applied="HP-1", created_at=created)
    precision = read_precision("HP-1", start, end)
    assert precision is not None
    assert precision.total_links == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("right", "wrong", "opened", "is_met"),
    [(48, 2, 0, True), (47, 3, 0, False), (49, 0, 900, False), (0, 0, 60, False), (283, 15, 0, False)],
)
def test_promotion_rule(right: int, wrong: int, opened: int, is_met: bool) -> None:
    make_links("HP-1", right, wrong, opened)
    status = read_status("HP-1")
    assert status is not None
    assert status.can_promote is is_met


@pytest.mark.django_db
def test_promotion_rule_with_other_limits() -> None:
    make_links("HP-1", right=8, wrong=2)
    assert sql.scalar("can_auto_promote_heuristic", "HP-1", Decimal("0.8"), 10)
    assert not sql.scalar("can_auto_promote_heuristic", "HP-1", Decimal("0.81"), 10)


@pytest.mark.django_db
def test_statuses_of_all_heuristics_in_two_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for name in ("HP-2", "TRN-abstract", "HP-1", None):
        make_links(name, right=1, opened=1)
    assert list_heuristics() == ["HP-1", "HP-2", "TRN-abstract"]
    with django_assert_num_queries(2):
        statuses = list_statuses()
    assert [status.heuristic for status in statuses] == ["HP-1", "HP-2", "TRN-abstract"]
    assert {status.total_links for status in statuses} == {2}


@pytest.mark.django_db
def test_without_links_there_are_no_heuristics() -> None:
    assert list_statuses() == []


@pytest.mark.parametrize(
    ("correct", "reviewed", "needed"),
    [(0, 0, 50), (57, 60, 0), (49, 49, 1), (40, 44, 36), (283, 298, 2), (0, 1, 49), (45, 49, 31)],
)
def test_needed_links(correct: int, reviewed: int, needed: int) -> None:
    status = HeuristicStatus("HP-1", reviewed, reviewed, correct, reviewed - correct, 0, None, can_promote=not needed)
    assert status.needed_links == needed
    after = Decimal(correct + needed) / (reviewed + needed)
    assert after >= Decimal("0.95")
    assert reviewed + needed >= 50
    one_less = needed - 1
    assert (
        needed == 0 or reviewed + one_less < 50 or Decimal(correct + one_less) / (reviewed + one_less) < Decimal("0.95")
    )
