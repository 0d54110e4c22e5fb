"""Heuristics in the admin have the values of the SQL functions."""

from typing import Any

import pytest
from django.urls import reverse

from linkaudit import queries
from ncfd_site.core import sql
from tests import factories

pytestmark = pytest.mark.django_db

LIST = "admin:linkaudit_heuristicprecision_changelist"


def make_links(heuristic: str, right: int, wrong: int = 0, opened: int = 0) -> None:
    document, asset = factories.make_document(), factories.make_asset()
    for label, count in ((True, right), (False, wrong), (None, opened)):
        for _ in range(count):
            factories.make_link_audit(heuristic_applied=heuristic, label=label, doc=document, asset=asset)


def test_list_shows_figures_and_the_promotion_rule(signed_in: Any) -> None:
    make_links("HP-1", right=50, opened=2)
    make_links("HP-2", right=3, wrong=1)
    make_links("HP-3", right=0, opened=1)
    page = signed_in("reviewer").get(reverse(LIST))
    shown = {row[0].partition(">")[2].partition("<")[0]: [_text(cell) for cell in row[1:9]] for row in _rows(page)}
    assert shown == {
        "HP-1": ["52", "50", "50", "0", "2", "100.00%: 50 of 50", "92.9% to 100.0%", "met"],
        "HP-2": ["4", "4", "3", "1", "0", "75.00%: 3 of 4", "30.1% to 95.4%", "not met: needs 46 more correct"],
        "HP-3": ["1", "0", "0", "0", "1", "not reviewed", "not reviewed", "not met: needs 50 more correct"],
    }
    for name in shown:
        precision = queries.read_precision(name)
        assert precision is not None
        assert f"{precision.total_links}" == shown[name][0]
        assert sql.scalar("can_auto_promote_heuristic", name) is (shown[name][7] == "met")


def test_list_does_not_read_the_view_over_all_links(signed_in: Any, django_assert_max_num_queries: Any) -> None:
    make_links("HP-1", right=1)
    client = signed_in("reviewer")
    client.get(reverse(LIST))
    with django_assert_max_num_queries(6) as queries_made:
        client.get(reverse(LIST))
    assert not [query for query in queries_made.captured_queries if "heuristic_precision_summary" in query["sql"]]


def test_figures_link_to_their_rows_and_to_the_site(signed_in: Any) -> None:
    make_links("HP-1", right=1)
    page = signed_in("reviewer").get(reverse(LIST)).content.decode()
    links = reverse("admin:linkaudit_linkaudit_changelist")
    assert f'href="{links}?heuristic_applied=HP-1&amp;label=right"' in page
    assert f'href="{reverse("linkaudit:heuristic", args=["HP-1"])}"' in page


def test_page_of_a_heuristic_with_special_characters(signed_in: Any) -> None:
    make_links("a/b & <c>", right=1)
    client = signed_in("reviewer")
    address = _rows(client.get(reverse(LIST)))[0][0].partition('href="')[2].partition('"')[0]
    page = client.get(address)
    assert page.status_code == 200
    assert "a/b &amp; &lt;c&gt;" in page.content.decode()


def test_unknown_heuristic_is_reported(signed_in: Any) -> None:
    address = reverse("admin:linkaudit_heuristicprecision_change", args=["HP-9"])
    page = signed_in("reviewer").get(address, follow=True).content.decode()
    assert "HP-9" in page


def test_empty_list(signed_in: Any) -> None:
    page = signed_in("reviewer").get(reverse(LIST)).content.decode()
    assert "No heuristic has proposed a link yet." in page


def _rows(page: Any) -> Any:
    return page.context["table"].rows


def _text(cell: Any) -> str:
    text = str(cell)
    return text.partition(">")[2].partition("<")[0] if text.startswith("<") else text
