"""Too many wrong passwords end the trying for a while: for a name from an address, and for an address."""

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
    """Try to sign in."""
    return client.post(at, {"username": name, "password": password}, **headers)


def lock(client: Client, name: str = "rita", **headers: Any) -> Any:
    """Try until it is refused; the last answer."""
    return [attempt(client, name, **headers) for _ in range(LIMIT)][-1]


def test_after_the_last_wrong_password_even_the_right_one_is_not_tried(client: Client) -> None:
    make_user()
    answers = [attempt(client).status_code for _ in range(LIMIT)]
    assert answers == [200] * (LIMIT - 1) + [429]
    page = attempt(client, password=PASSWORD)
    assert page.status_code == 429
    assert "_auth_user_id" not in client.session
    assert 0 < int(page["Retry-After"]) <= 15 * 60


def test_the_page_says_until_when_and_whom_to_ask(client: Client) -> None:
    make_user()
    page = lock(client)
    last = AccessAttempt.objects.get().attempt_time
    words = text_of(page)
    assert f"until {last + timedelta(minutes=15):%H:%M:%S} UTC" in words
    assert "Whoever operates this site can end the wait" in words
    assert "no-store" in page["Cache-Control"]
    assert "unsafe" not in page["Content-Security-Policy"]


def test_it_says_the_same_of_somebody_who_does_not_exist(client: Client) -> None:
    make_user()
    known, unknown = lock(client), lock(Client(), "nobody-of-this-name")

    def said(page: Any) -> list[str]:
        return [word for word in text_of(page).split() if ":" not in word]

    assert known.status_code == unknown.status_code == 429
    assert said(known) == said(unknown)


def test_the_admin_asks_the_same(client: Client) -> None:
    make_user()
    lock(client)
    # The admin has no sign-in of its own: it leads to the one of the site, which refuses.
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


def test_signing_in_forgets_the_failures_before(client: Client) -> None:
    make_user()
    for _ in range(3):
        for _ in range(LIMIT - 1):
            assert attempt(client).status_code == 200
        assert attempt(client, password=PASSWORD).status_code == 302
    assert not AccessAttempt.objects.exists()


def test_one_address_that_tries_many_names_is_locked_for_all(client: Client) -> None:
    make_user()
    names = throttling.NAMES_OF_AN_ADDRESS * LIMIT
    answers = [attempt(client, f"name {number}").status_code for number in range(names)]
    assert answers == [200] * (names - 1) + [429]
    assert attempt(client, "rita", PASSWORD).status_code == 429
    assert attempt(Client(), "rita", PASSWORD, REMOTE_ADDR="192.0.2.9").status_code == 302


def test_the_lock_ends_by_itself_and_trying_does_not_put_it_off(client: Client) -> None:
    make_user()
    lock(client)
    for _ in range(3):
        assert attempt(client).status_code == 429
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=15, seconds=1))
    assert attempt(client, password=PASSWORD).status_code == 302


def test_a_forged_address_does_not_get_round_it(client: Client) -> None:
    make_user()
    for number in range(LIMIT):
        answer = attempt(client, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}", HTTP_X_REAL_IP=f"198.51.100.{number}")
    assert answer.status_code == 429
    assert AccessAttempt.objects.get().ip_address == "127.0.0.1"


def test_behind_a_proxy_its_own_entry_counts_and_no_other(client: Client, settings: LazySettings) -> None:
    make_user()
    settings.TRUST_PROXY = True
    for number in range(LIMIT):
        answer = attempt(client, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}, 203.0.113.7")
    assert answer.status_code == 429
    assert AccessAttempt.objects.get().ip_address == "203.0.113.7"
    assert attempt(Client(), "rita", PASSWORD, HTTP_X_FORWARDED_FOR="203.0.113.8").status_code == 302


@pytest.mark.parametrize("address", ["unknown", "", "x" * 400, "1.2.3.4:99", "::1%eth0", "\x00"])
def test_an_address_that_is_none_counts_as_one(client: Client, settings: LazySettings, address: str) -> None:
    make_user()
    settings.TRUST_PROXY = True
    for _ in range(LIMIT):
        answer = attempt(client, HTTP_X_FORWARDED_FOR=address, HTTP_USER_AGENT="agent\x00")
    assert answer.status_code == 429


def test_no_password_is_kept_nor_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
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
def test_names_that_the_form_refuses_break_nothing(client: Client, name: str) -> None:
    assert [attempt(client, name).status_code for _ in range(LIMIT + 1)] == [200] * (LIMIT + 1)


def test_a_name_of_any_length_is_counted(client: Client) -> None:
    assert lock(client, "x" * 10_000).status_code == 429


def test_an_operator_ends_it_with_a_command(client: Client) -> None:
    make_user()
    lock(client)
    call_command("axes_reset", verbosity=0)
    assert attempt(client, password=PASSWORD).status_code == 302


def test_who_is_signed_in_stays_so(client: Client) -> None:
    client.force_login(make_user())
    lock(Client())
    assert client.get("/links/").status_code == 200
