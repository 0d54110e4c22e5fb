"""Selected links, their order, pages and neighbors."""

import itertools

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from linkaudit.models import LinkAudit
from linkaudit.selection import (
    SORTS,
    LinkFilter,
    find_neighbor,
    find_next_open_link,
    read_link_page,
    select_links,
)
from ncfd_site.core import lists
from tests.factories import make_asset, make_link_audit

pytestmark = pytest.mark.django_db

# Sees every link: may not label.
ANA = User(username="ana", is_active=False)


def ids(chosen: LinkFilter) -> set[int]:
    return set(select_links(chosen, ANA).values_list("pk", flat=True))


def test_each_filter_selects_its_links() -> None:
    right = make_link_audit(label=True, heuristic_applied="HP-1")
    wrong = make_link_audit(label=False, promotion_status="promoted")
    opened = make_link_audit()
    assert ids(LinkFilter()) == {opened.pk}
    assert ids(LinkFilter(label="right")) == {right.pk}
    assert ids(LinkFilter(label="wrong")) == {wrong.pk}
    assert ids(LinkFilter(label="labeled")) == {right.pk, wrong.pk}
    assert ids(LinkFilter(label="any")) == {right.pk, wrong.pk, opened.pk}
    assert ids(LinkFilter(label="any", heuristic="HP-1")) == {right.pk}
    assert ids(LinkFilter(label="any", status="promoted")) == {wrong.pk}


def test_search_by_start_of_nct_id_and_part_of_a_name() -> None:
    asset = make_asset("Semaglutide", "NN-9535")
    one = make_link_audit(nct_id="NCT01234567", asset=asset)
    two = make_link_audit(nct_id="NCT01230000")
    make_link_audit(nct_id="NCT09999999")
    assert ids(LinkFilter(q="nct01234567")) == {one.pk}
    assert ids(LinkFilter(q="NCT0123")) == {one.pk, two.pk}
    assert ids(LinkFilter(q="glut")) == {one.pk}
    assert ids(LinkFilter(q="nn-95")) == {one.pk}
    assert ids(LinkFilter(q="100%")) == set()


def test_query_string_omits_defaults() -> None:
    assert LinkFilter().query_string == ""
    assert LinkFilter(heuristic="HP-1 & 2", sort="-nct_id").query_string == "heuristic=HP-1+%26+2&order=-nct_id"


@pytest.mark.parametrize("sort", [*SORTS, "nct_id,-confidence", "-confidence,nct_id", "-nct_id,audit_id"])
def test_neighbors_follow_the_order_of_the_list(sort: str) -> None:
    for confidence, number in itertools.product(("0.90", "0.95"), ("NCT00000002", None, "NCT00000001")):
        make_link_audit(confidence=confidence, nct_id=number)
    chosen = LinkFilter(sort=sort)
    listed = [audit.pk for audit in read_link_page(chosen, 1, ANA).rows]
    assert len(listed) == 6
    links = {audit.pk: audit for audit in LinkAudit.objects.all()}
    assert [find_neighbor(chosen, links[pk], ANA) for pk in listed] == [*listed[1:], None]
    assert [find_neighbor(chosen, links[pk], ANA, is_backward=True) for pk in listed] == [None, *listed[:-1]]


def test_next_open_link_wraps() -> None:
    first, second, third = (make_link_audit() for _ in range(3))
    make_link_audit(heuristic_applied="HP-1")
    chosen = LinkFilter(heuristic="HP-2", label="any")
    assert find_next_open_link(chosen, first, ANA) == second.pk
    assert find_next_open_link(chosen, third, ANA) == first.pk
    LinkAudit.objects.filter(pk__in=[first.pk, second.pk]).update(label=True)
    assert find_next_open_link(chosen, third, ANA) is None


def test_a_page_counts_its_rows_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(lists, "PAGE_SIZE", 2)
    asset = make_asset()
    for _ in range(4):
        make_link_audit(asset=asset)
    with django_assert_num_queries(2) as queries:
        page = read_link_page(LinkFilter(), 1, ANA)
        assert page.total == 4
        assert [audit.doc.source_type for audit in page.rows] == ["Registry", "Registry"]
    assert "evidence_jsonb" not in queries.captured_queries[0]["sql"]
    assert "COUNT" not in queries.captured_queries[0]["sql"]
    assert "LIMIT 10001" in queries.captured_queries[1]["sql"]
    assert (page.has_previous, page.has_next, page.first_row, page.last_row) == (False, True, 1, 2)
    second = read_link_page(LinkFilter(), 2, ANA)
    assert (second.has_previous, second.has_next, second.first_row, second.last_row) == (True, False, 3, 4)
    assert read_link_page(LinkFilter(), 3, ANA).rows == []


def test_pages_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "PAGE_SIZE", 1)
    monkeypatch.setattr(lists, "LAST_PAGE", 2)
    for _ in range(3):
        make_link_audit()
    page = read_link_page(LinkFilter(), 99, ANA)
    assert (page.number, page.has_next, page.is_last_allowed) == (2, False, True)
