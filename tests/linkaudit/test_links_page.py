"""The list of links: rows, filters, queries and access."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ncfd_site.core.roles import Role
from tests.factories import make_asset, make_document, make_link_audit, make_user
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita(client: Client) -> Client:
    client.force_login(make_user())
    return client


def test_row_shows_the_link(rita: Client) -> None:
    audit = make_link_audit(
        nct_id="NCT01234567", asset=make_asset("Semaglutide"), doc=make_document("\n A study of weight \n more")
    )
    page = rita.get("/links/?q=NCT01234567")
    words = text_of(page)
    assert "NCT01234567 Semaglutide A study of weight, registry record, ClinicalTrials.gov HP-2 0.95" in words
    assert f'href="/links/{audit.pk}/?q=NCT01234567"' in page.content.decode()


def test_open_links_are_the_default(rita: Client) -> None:
    make_link_audit(nct_id="NCT00000001", label=True)
    assert "NCT00000001" not in text_of(rita.get("/links/"))
    words = text_of(rita.get("/links/?label=right"))
    assert "NCT00000001" in words
    assert "right rita" in words


def test_query_count_is_independent_of_rows(rita: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for _ in range(12):
        make_link_audit()
    rita.get("/links/")
    # Session, user, two for permissions, heuristics, rows, titles.
    with django_assert_num_queries(7) as queries:
        rita.get("/links/")
    statements = [query["sql"] for query in queries.captured_queries]
    assert not any("evidence_jsonb" in statement for statement in statements)
    # One page needs no count.
    assert not any("COUNT(" in statement.upper() for statement in statements)


def test_form_shows_the_filter(rita: Client) -> None:
    make_link_audit(heuristic_applied="HP-1")
    page = rita.get("/links/?heuristic=HP-1&label=any&sort=-confidence&q=x").content.decode()
    for chosen in ("HP-1", "any", "-confidence"):
        assert f'<option value="{chosen}" selected>' in page
    assert 'value="x"' in page


@pytest.mark.parametrize("query", ["label=maybe", "sort=password", "page=0", "page=x", "q=%00", "status=x"])
def test_invalid_filter_lists_nothing(rita: Client, query: str) -> None:
    make_link_audit(nct_id="NCT00000001")
    page = rita.get(f"/links/?{query}")
    assert page.status_code == 200
    assert "Invalid filter" in text_of(page)
    assert "NCT00000001" not in text_of(page)


def test_empty_list_shows_what_fills_it(rita: Client) -> None:
    assert "manage.py load_ctgov" in text_of(rita.get("/links/"))
    assert "No links match." in text_of(rita.get("/links/?q=nothing"))
    assert "Go to the first page" in text_of(rita.get("/links/?page=3"))


def test_pages_keep_the_filter(rita: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ncfd_site.core.lists.PAGE_SIZE", 1)
    for _ in range(3):
        make_link_audit()
    page = rita.get("/links/?sort=-audit_id&page=2").content.decode()
    assert 'href="?sort=-audit_id&amp;page=1"' in page
    assert 'href="?sort=-audit_id&amp;page=3"' in page


def test_response_is_not_stored(rita: Client) -> None:
    assert "no-store" in rita.get("/links/")["Cache-Control"]


@pytest.mark.parametrize("role", list(Role))
def test_every_role_may_view(client: Client, role: Role) -> None:
    client.force_login(make_user(role))
    assert client.get("/links/").status_code == 200


def test_user_without_a_role_sees_the_missing_permission(client: Client) -> None:
    client.force_login(make_user(None))
    refused = client.get("/links/")
    assert refused.status_code == 403
    assert "needs the permission linkaudit.view_linkaudit" in text_of(refused)


def test_anonymous_user_signs_in_first(client: Client) -> None:
    answer = client.get("/links/?q=x")
    assert answer.status_code == 302
    assert answer["Location"] == "/accounts/login/?next=/links/%3Fq%3Dx"
