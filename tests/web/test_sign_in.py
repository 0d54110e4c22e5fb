"""Signing in and out."""

import pytest
from django.test import Client

from tests.factories import PASSWORD, make_user
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


def test_signing_in_redirects_to_the_requested_page(client: Client) -> None:
    make_user()
    page = client.post(
        "/accounts/login/?next=/links/", {"username": "rita", "password": PASSWORD, "next": "/links/"}, follow=True
    )
    assert page.redirect_chain == [("/links/", 302)]
    assert "Signed in as rita" in text_of(page)


def test_a_wrong_password_keeps_the_name(client: Client) -> None:
    make_user()
    page = client.post("/accounts/login/", {"username": "rita", "password": "wrong"})
    assert "Please enter a correct username and password" in text_of(page)
    assert 'value="rita"' in page.content.decode()


def test_signing_in_never_redirects_to_another_site(client: Client) -> None:
    make_user()
    answer = client.post("/accounts/login/", {"username": "rita", "password": PASSWORD, "next": "https://example.com/"})
    assert answer["Location"] == "/"


def test_signing_out_redirects_to_the_sign_in_page(client: Client) -> None:
    client.force_login(make_user())
    page = client.post("/accounts/logout/", follow=True)
    assert page.redirect_chain == [("/accounts/login/", 302)]
    assert "Sign in" in text_of(page)
    assert client.get("/links/").status_code == 302


def test_the_admin_has_the_same_header(client: Client) -> None:
    client.force_login(make_user())
    for address in ("/", "/admin/"):
        page = client.get(address).content.decode()
        assert "ncfd/ncfd.css" in page, address
        assert 'class="site-navigation"' in page, address
        assert 'action="/accounts/logout/"' in page, address
