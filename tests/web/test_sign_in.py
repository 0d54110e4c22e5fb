"""Signing in and out."""

from typing import Any

import pytest
from django.contrib.auth.tokens import default_token_generator
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


def test_rotation_of_the_secret_key_keeps_sessions_and_reset_links(client: Client, settings: Any) -> None:
    user = make_user()
    client.post("/accounts/login/", {"username": "rita", "password": PASSWORD})
    token = default_token_generator.make_token(user)
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another key " * 5
    settings.SECRET_KEY_FALLBACKS = [former]
    assert client.get("/links/").status_code == 200
    assert default_token_generator.check_token(user, token)
    # The first response renewed the session: it outlives the former key, the link does not.
    settings.SECRET_KEY_FALLBACKS = []
    assert client.get("/links/").status_code == 200
    assert not default_token_generator.check_token(user, token)


def test_without_the_former_key_rotation_signs_out(client: Client, settings: Any) -> None:
    client.force_login(make_user())
    settings.SECRET_KEY = "another key " * 5
    assert client.get("/links/").status_code == 302


def test_the_admin_has_the_same_header(client: Client) -> None:
    client.force_login(make_user())
    for address in ("/", "/admin/"):
        page = client.get(address).content.decode()
        assert "ncfd/ncfd.css" in page, address
        assert 'class="site-navigation"' in page, address
        assert 'action="/accounts/logout/"' in page, address
