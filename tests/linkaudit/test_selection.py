"""Which links a filter selects, their order, and what comes before and after one of them."""

import itertools

import pytest
from pytest_django import DjangoAssertNumQueries

from linkaudit.models import LinkAudit
from linkaudit.selection import (
    SORTS,
    LinkFilter,
    link_page,
    next_link,
    next_open_link,
    previous_link,
    selected_links,
)
from ncfd_site.core import lists
from tests.factories import make_asset, make_link_audit

pytestmark = pytest.mark.django_db


def ids(chosen: LinkFilter) -> set[int]:
    return set(selected_links(chosen).values_list("pk", flat=True))


def test_each_filter_selects_its_links() -> None:
    right = make_link_audit(label=True, heuristic_applied="HP-1")
    wrong = make_link_audit(label=False, promotion_status="promoted")
    opened = make_link_audit()
    assert ids(LinkFilter()) == {opened.pk}
    assert ids(LinkFilter(label="right")) == {right.pk}
    assert ids(LinkFilter(label="wrong")) == {wrong.pk}
    assert ids(LinkFilter(label="labelled")) == {right.pk, wrong.pk}
    assert ids(LinkFilter(label="any")) == {right.pk, wrong.pk, opened.pk}
    assert ids(LinkFilter(label="any", heuristic="HP-1")) == {right.pk}
    assert ids(LinkFilter(label="any", status="promoted")) == {wrong.pk}


def test_the_search_finds_trial_numbers_by_their_beginning_and_assets_by_a_part_of_any_name() -> None:
    asset = make_asset("Semaglutide", "NN-9535")
    one = make_link_audit(nct_id="NCT01234567", asset=asset)
    two = make_link_audit(nct_id="NCT01230000")
    make_link_audit(nct_id="NCT09999999")
    assert ids(LinkFilter(q="nct01234567")) == {one.pk}
    assert ids(LinkFilter(q="NCT0123")) == {one.pk, two.pk}
    assert ids(LinkFilter(q="glut")) == {one.pk}
    assert ids(LinkFilter(q="nn-95")) == {one.pk}
    assert ids(LinkFilter(q="100%")) == set()


def test_the_address_carries_only_what_is_not_the_default() -> None:
    assert LinkFilter().query_string == ""
    assert LinkFilter(heuristic="HP-1 & 2", sort="-nct_id").query_string == "heuristic=HP-1+%26+2&sort=-nct_id"


@pytest.mark.parametrize("sort", SORTS)
def test_going_from_link_to_link_follows_the_order_of_the_list(sort: str) -> None:
    for confidence, number in itertools.product(("0.90", "0.95"), ("NCT00000002", None, "NCT00000001")):
        make_link_audit(confidence=confidence, nct_id=number)
    chosen = LinkFilter(sort=sort)
    listed = [audit.pk for audit in link_page(chosen, 1).rows]
    assert len(listed) == 6
    links = {audit.pk: audit for audit in LinkAudit.objects.all()}
    assert [next_link(chosen, links[pk]) for pk in listed] == [*listed[1:], None]
    assert [previous_link(chosen, links[pk]) for pk in listed] == [None, *listed[:-1]]


def test_after_the_last_open_link_comes_the_first_one_left() -> None:
    first, second, third = (make_link_audit() for _ in range(3))
    make_link_audit(heuristic_applied="HP-1")
    chosen = LinkFilter(heuristic="HP-2", label="any")
    assert next_open_link(chosen, first) == second.pk
    assert next_open_link(chosen, third) == first.pk
    LinkAudit.objects.filter(pk__in=[first.pk, second.pk]).update(label=True)
    assert next_open_link(chosen, third) is None


def test_a_page_knows_whether_another_follows_without_counting(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(lists, "PAGE_SIZE", 2)
    asset = make_asset()
    for _ in range(4):
        make_link_audit(asset=asset)
    with django_assert_num_queries(1) as queries:
        page = link_page(LinkFilter(), 1)
        assert [audit.doc.source_type for audit in page.rows] == ["Registry", "Registry"]
    assert "evidence_jsonb" not in queries.captured_queries[0]["sql"]
    assert "COUNT" not in queries.captured_queries[0]["sql"]
    assert (page.has_previous, page.has_next, page.first_row, page.last_row) == (False, True, 1, 2)
    second = link_page(LinkFilter(), 2)
    assert (second.has_previous, second.has_next, second.first_row, second.last_row) == (True, False, 3, 4)
    assert link_page(LinkFilter(), 3).rows == []


def test_the_list_ends_where_a_filter_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "PAGE_SIZE", 1)
    monkeypatch.setattr(lists, "LAST_PAGE", 2)
    for _ in range(3):
        make_link_audit()
    page = link_page(LinkFilter(), 99)
    assert (page.number, page.has_next, page.is_last_allowed) == (2, False, True)
