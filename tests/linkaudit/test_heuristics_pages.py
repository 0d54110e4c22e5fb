"""Pages of heuristics."""

import re

import pytest
from django.test import Client

from tests.factories import make_user
from tests.linkaudit.test_heuristic_precision import make_links
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita(client: Client) -> Client:
    client.force_login(make_user())
    return client


def test_chart_and_table_have_the_same_values(rita: Client) -> None:
    make_links("HP-1", right=57, wrong=3, opened=30)
    make_links("HP-4", opened=2000)
    page = rita.get("/heuristics/")
    words, html = text_of(page), page.content.decode()
    assert "HP-1 57 of 60 right" in words
    assert "HP-1 90 30 60 57 3 0.9500 0.8630 to 0.9829 Met (≥ 95 % of ≥ 50 reviewed)" in words
    assert "HP-4 not reviewed" in words
    assert "HP-4 2,000 2,000 0 0 0 unknown unknown Not met: needs at least 50 more reviewed links" in words
    assert html.count("<circle") == 1
    assert "style=" not in html


def test_figures_link_to_their_rows(rita: Client) -> None:
    make_links("HP 1&2", right=2, wrong=1, opened=3)
    html = rita.get("/heuristics/").content.decode()
    for target, rows in re.findall(r'<td class="number"[^>]*><a href="([^"]+)">(\d+)</a>', html):
        listed = rita.get(target.replace("&amp;", "&")).content.decode()
        assert listed.count("data-row") == int(rows), target


def test_page_shows_precision_interval_and_rule(rita: Client) -> None:
    make_links("HP-3", right=40, wrong=4)
    words = text_of(rita.get("/heuristics/HP-3/"))
    assert "40 of 44 reviewed links are right: precision 0.9091, 95 % interval 0.7884 to 0.9641 (Wilson)" in words
    assert "Promotion rule ✗ Not met: needs 36 more correct, no errors" in words


def test_precision_without_reviews_is_unknown(rita: Client) -> None:
    make_links("a/b", opened=1)
    assert "precision unknown" in text_of(rita.get("/heuristics/a/b/"))


@pytest.mark.parametrize("name", ["HP-9", "%00", "a%20b"])
def test_unknown_heuristic_is_not_found(rita: Client, name: str) -> None:
    page = rita.get(f"/heuristics/{name}/")
    assert page.status_code == 404
    assert "No heuristic with this name" in text_of(page)


def test_empty_page_shows_what_fills_it(rita: Client) -> None:
    assert "manage.py load_link_audits" in text_of(rita.get("/heuristics/"))


def test_decision_changes_the_page(rita: Client) -> None:
    from linkaudit.models import LinkAudit

    make_links("HP-2", opened=2)
    audit = LinkAudit.objects.order_by("pk")[0]
    rita.post(f"/links/{audit.pk}/", {"decision": "right", "seen_at": audit.updated_at.isoformat()})
    assert "1 of 1 reviewed links are right: precision 1.0000" in text_of(rita.get("/heuristics/HP-2/"))
