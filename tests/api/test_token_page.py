"""Page of the user's own tokens: create, list and revoke."""

import html
import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ncfd_site.api.models import ApiToken
from ncfd_site.api.tokens import create_token
from ncfd_site.core.roles import Role
from tests.factories import make_user
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client: Client) -> Client:
    client.force_login(make_user(Role.ANALYST))
    return client


def test_a_token_is_shown_once_and_works(browser: Client) -> None:
    page = browser.post("/tokens/", {"name": "a notebook", "days": 7})
    found = re.search(r'value="(ncfd_[^"]+)"', page.content.decode())
    assert found
    assert "no-store" in page["Cache-Control"]
    answer = Client().get("/api/v1/links", headers={"authorization": f"Bearer {html.unescape(found[1])}"})
    assert answer.status_code == 200
    again = browser.get("/tokens/").content.decode()
    assert found[1] not in again
    assert ApiToken.objects.get().token_sha256 not in again


def test_the_list_shows_the_state_of_each(browser: Client) -> None:
    browser.post("/tokens/", {"name": "a notebook", "days": 7})
    words = text_of(browser.get("/tokens/"))
    assert "a notebook" in words
    assert "✓ active" in words
    assert "never" in words


def test_revoking_warns_that_it_is_final(browser: Client) -> None:
    browser.post("/tokens/", {"name": "a notebook", "days": 7})
    assert "Requests with a notebook fail from then on. This cannot be undone." in text_of(browser.get("/tokens/"))
    words = text_of(browser.post(f"/tokens/{ApiToken.objects.get().pk}/revoke/", follow=True))
    assert "Token a notebook revoked." in words
    assert "✕ revoked" in words


@pytest.mark.parametrize("given", [{}, {"name": "x", "days": "0"}, {"name": "", "days": "7"}, {"name": "x\x00"}])
def test_an_invalid_token_shows_an_error_and_is_not_created(browser: Client, given: dict[str, str]) -> None:
    page = browser.post("/tokens/", given)
    assert page.status_code == 400
    assert not ApiToken.objects.exists()


def test_the_tokens_of_others_are_not_there(browser: Client) -> None:
    token = create_token(make_user(Role.OPERATOR), "olga's own", 7).token
    assert "olga" not in text_of(browser.get("/tokens/"))
    assert browser.post(f"/tokens/{token.pk}/revoke/").status_code == 404
    assert browser.get(f"/tokens/{token.pk}/revoke/").status_code == 405
    token.refresh_from_db()
    assert token.revoked_at is None


def test_an_empty_page_shows_the_next_step(browser: Client) -> None:
    assert "No tokens yet" in text_of(browser.get("/tokens/"))


def test_a_stranger_signs_in_first(client: Client) -> None:
    assert client.get("/tokens/").status_code == 302
    assert client.get("/api/v1/").status_code == 302


def test_a_token_opens_no_page(client: Client) -> None:
    made = create_token(make_user(Role.ANALYST), "a notebook", 7)
    assert client.get("/tokens/", headers={"authorization": f"Bearer {made.text}"}).status_code == 302


def test_the_admin_shows_tokens_without_what_they_are(client: Client) -> None:
    made = create_token(make_user(Role.OPERATOR), "a notebook", 7)
    client.force_login(made.token.user)
    for address in ("", f"{made.token.pk}/change/"):
        page = client.get(f"/admin/api/apitoken/{address}")
        assert page.status_code == 200
        assert "a notebook" in text_of(page)
        assert made.token.token_sha256 not in page.content.decode()


def test_the_number_of_queries_does_not_grow(
    browser: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(8):
        browser.post("/tokens/", {"name": "a notebook", "days": 7})
    with django_assert_max_num_queries(5):
        browser.get("/tokens/")


def test_the_page_of_the_api_lists_every_operation(
    browser: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(5):
        page = browser.get("/api/v1/")
    words = text_of(page)
    for path in browser.get("/api/v1/openapi.json").json()["paths"]:
        assert f"GET {path}" in words
    assert "whole number, 1 to 200; default: 50" in words
