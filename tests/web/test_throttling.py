"""Lockouts after wrong passwords, per name and address and per address."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt  # type: ignore[import-untyped]
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from ncfd_site.core.roles import Role
from ncfd_site.web import throttling
from tests.factories import PASSWORD, make_user
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db

LIMIT = 3
SIGN_IN = "/accounts/login/"
WRONG = "wrong horse"


@pytest.fixture(autouse=True)
def _few_attempts(settings: LazySettings) -> None:
    settings.LOGIN_ATTEMPTS = settings.AXES_FAILURE_LIMIT = LIMIT


def attempt(client: Client, name: str = "rita", password: str = WRONG, at: str = SIGN_IN, **headers: Any) -> Any:
    """Submit the sign-in form."""
    return client.post(at, {"username": name, "password": password}, **headers)


def lock(client: Client, name: str = "rita", **headers: Any) -> Any:
    """Fail until the lockout; return the last response."""
    return [attempt(client, name, **headers) for _ in range(LIMIT)][-1]


def test_a_lockout_refuses_the_right_password_too(client: Client) -> None:
    make_user()
    answers = [attempt(client).status_code for _ in range(LIMIT)]
    assert answers == [200] * (LIMIT - 1) + [429]
    page = attempt(client, password=PASSWORD)
    assert page.status_code == 429
    assert "_auth_user_id" not in client.session
    assert 0 < int(page["Retry-After"]) <= 15 * 60


def test_the_page_has_the_end_of_the_lockout(client: Client) -> None:
    make_user()
    page = lock(client)
    last = AccessAttempt.objects.get().attempt_time
    words = text_of(page)
    assert f"until {last + timedelta(minutes=15):%H:%M:%S} UTC" in words
    assert "An administrator can end the lockout" in words
    assert "no-store" in page["Cache-Control"]
    assert "unsafe" not in page["Content-Security-Policy"]


def test_an_unknown_user_gets_the_same_page(client: Client) -> None:
    make_user()
    known, unknown = lock(client), lock(Client(), "unknown-user")

    def words(page: Any) -> list[str]:
        return [word for word in text_of(page).split() if ":" not in word]

    assert known.status_code == unknown.status_code == 429
    assert words(known) == words(unknown)


def test_the_admin_is_locked_too(client: Client) -> None:
    make_user()
    lock(client)
    # The admin redirects to the sign-in page of the site.
    answer = attempt(client, password=PASSWORD, at="/admin/login/?next=/admin/")
    assert answer.status_code in (302, 429)
    assert "_auth_user_id" not in client.session
    assert client.get("/admin/").status_code == 302


def test_another_name_and_another_address_are_not_locked(client: Client) -> None:
    make_user()
    make_user(Role.ANALYST)
    lock(client)
    assert attempt(client, "ana", PASSWORD).status_code == 302
    assert attempt(Client(), "rita", PASSWORD, REMOTE_ADDR="192.0.2.9").status_code == 302


def test_signing_in_resets_the_count(client: Client) -> None:
    make_user()
    for _ in range(3):
        for _ in range(LIMIT - 1):
            assert attempt(client).status_code == 200
        assert attempt(client, password=PASSWORD).status_code == 302
    assert not AccessAttempt.objects.exists()


def test_an_address_that_tries_many_names_is_locked(client: Client) -> None:
    make_user()
    names = throttling.NAMES_PER_ADDRESS * LIMIT
    answers = [attempt(client, f"name {number}").status_code for number in range(names)]
    assert answers == [200] * (names - 1) + [429]
    assert attempt(client, "rita", PASSWORD).status_code == 429
    assert attempt(Client(), "rita", PASSWORD, REMOTE_ADDR="192.0.2.9").status_code == 302


def test_further_attempts_do_not_extend_the_lockout(client: Client) -> None:
    make_user()
    lock(client)
    for _ in range(3):
        assert attempt(client).status_code == 429
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=15, seconds=1))
    assert attempt(client, password=PASSWORD).status_code == 302


def test_a_forged_address_does_not_avoid_the_lockout(client: Client) -> None:
    make_user()
    for number in range(LIMIT):
        answer = attempt(client, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}", HTTP_X_REAL_IP=f"198.51.100.{number}")
    assert answer.status_code == 429
    assert AccessAttempt.objects.get().ip_address == "127.0.0.1"


def test_only_the_entry_of_the_trusted_proxy_counts(client: Client, settings: LazySettings) -> None:
    make_user()
    settings.TRUST_PROXY = True
    for number in range(LIMIT):
        answer = attempt(client, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}, 203.0.113.7")
    assert answer.status_code == 429
    assert AccessAttempt.objects.get().ip_address == "203.0.113.7"
    assert attempt(Client(), "rita", PASSWORD, HTTP_X_FORWARDED_FOR="203.0.113.8").status_code == 302


@pytest.mark.parametrize("address", ["unknown", "", "x" * 400, "1.2.3.4:99", "::1%eth0", "\x00"])
def test_invalid_addresses_count_as_one(client: Client, settings: LazySettings, address: str) -> None:
    make_user()
    settings.TRUST_PROXY = True
    for _ in range(LIMIT):
        answer = attempt(client, HTTP_X_FORWARDED_FOR=address, HTTP_USER_AGENT="agent\x00")
    assert answer.status_code == 429


def test_no_password_is_stored_or_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    make_user()
    with caplog.at_level(logging.DEBUG):
        for _ in range(LIMIT + 1):
            attempt(client, at=f"{SIGN_IN}?password={WRONG.replace(' ', '-')}")
    kept = AccessAttempt.objects.get()
    columns = " ".join(str(getattr(kept, column.attname)) for column in AccessAttempt._meta.concrete_fields)
    for text in (columns, caplog.text):
        assert "horse" not in text
        assert "csrfmiddlewaretoken=" not in text.replace("csrfmiddlewaretoken=****", "")
    assert kept.user_agent == ""


@pytest.mark.parametrize("name", ["nul\x00", ""])
def test_invalid_names_are_not_counted(client: Client, name: str) -> None:
    assert [attempt(client, name).status_code for _ in range(LIMIT + 1)] == [200] * (LIMIT + 1)


def test_long_names_are_counted(client: Client) -> None:
    assert lock(client, "x" * 10_000).status_code == 429


def test_a_command_ends_the_lockout(client: Client) -> None:
    make_user()
    lock(client)
    call_command("axes_reset", verbosity=0)
    assert attempt(client, password=PASSWORD).status_code == 302


def test_signed_in_users_stay_signed_in(client: Client) -> None:
    client.force_login(make_user())
    lock(Client())
    assert client.get("/links/").status_code == 200
