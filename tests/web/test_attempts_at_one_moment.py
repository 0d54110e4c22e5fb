"""However many passwords are tried at one moment, no more are looked at than the limit allows."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from axes.models import AccessAttempt  # type: ignore[import-untyped]
from django.conf import LazySettings
from django.contrib.auth.backends import ModelBackend
from django.db import connection, transaction
from django.test import Client

from ncfd_site.core import sql
from ncfd_site.web import throttling
from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT, AT_ONCE = 3, 8
SIGN_IN = "/accounts/login/"


@pytest.fixture
def tried(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names whose password was looked at, which takes a while as it does outside of tests."""
    settings.LOGIN_ATTEMPTS = settings.AXES_FAILURE_LIMIT = LIMIT
    names: list[str] = []
    whole = ModelBackend.authenticate

    def slowly(self: ModelBackend, request: Any, username: Any = None, **credentials: Any) -> Any:
        names.append(username)
        time.sleep(0.05)
        return whole(self, request, username=username, **credentials)

    monkeypatch.setattr(ModelBackend, "authenticate", slowly)
    return names


def at_once(attempts: list[tuple[str, str]]) -> Counter[int]:
    """Try names with passwords at one moment; how often each status was answered."""
    barrier = Barrier(len(attempts))

    def attempt(one: tuple[str, str]) -> int:
        try:
            barrier.wait(timeout=10)
            return int(Client().post(SIGN_IN, {"username": one[0], "password": one[1]}).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(attempts)) as pool:
        return Counter(pool.map(attempt, attempts))


def test_of_a_burst_for_one_name_only_so_many_are_tried(tried: list[str]) -> None:
    make_user()
    assert at_once([("rita", "wrong")] * AT_ONCE) == {200: LIMIT - 1, 429: AT_ONCE - LIMIT + 1}
    assert len(tried) == LIMIT
    assert AccessAttempt.objects.get().failures_since_start == LIMIT


def test_of_a_burst_over_many_names_only_so_many_are_tried(tried: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "NAMES_OF_AN_ADDRESS", 1)
    at_once([(f"name {number}", "wrong") for number in range(AT_ONCE)])
    assert len(tried) == LIMIT


def test_people_of_one_address_who_sign_in_at_one_moment_all_get_in(tried: list[str]) -> None:
    names = [f"rita-{number}" for number in range(AT_ONCE)]
    for name in names:
        make_user(None, name)
    assert at_once([(name, PASSWORD) for name in names]) == {302: AT_ONCE}


def test_who_waits_too_long_for_a_turn_is_not_let_through(tried: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    make_user()
    monkeypatch.setattr(throttling, "PATIENCE", "SET LOCAL lock_timeout = '100ms'")
    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        sql.value(throttling.TURN, ["127.0.0.1"])

        def attempt() -> Any:
            try:
                return Client().post(SIGN_IN, {"username": "rita", "password": PASSWORD})
            finally:
                connection.close()

        page = pool.submit(attempt).result()
    assert (page.status_code, page["Retry-After"]) == (429, "20")
    assert "yours was not looked at" in page.content.decode()
    assert tried == []
