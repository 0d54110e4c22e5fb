"""Concurrent sign-in attempts: no more passwords are checked than the limit allows."""

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
def checked(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names whose password was checked; a check takes as long as it would with a real hasher."""
    settings.LOGIN_ATTEMPTS = settings.AXES_FAILURE_LIMIT = LIMIT
    names: list[str] = []
    authenticate = ModelBackend.authenticate

    def authenticate_slowly(self: ModelBackend, request: Any, username: Any = None, **credentials: Any) -> Any:
        names.append(username)
        time.sleep(0.05)
        return authenticate(self, request, username=username, **credentials)

    monkeypatch.setattr(ModelBackend, "authenticate", authenticate_slowly)
    return names


def submit_at_once(attempts: list[tuple[str, str]]) -> Counter[int]:
    """Submit names with passwords at the same moment; return the count of each status."""
    barrier = Barrier(len(attempts))

    def attempt(one: tuple[str, str]) -> int:
        try:
            barrier.wait(timeout=120)
            return int(Client().post(SIGN_IN, {"username": one[0], "password": one[1]}).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(attempts)) as pool:
        return Counter(pool.map(attempt, attempts))


def test_a_burst_for_one_name_is_limited(checked: list[str]) -> None:
    make_user()
    assert submit_at_once([("rita", "wrong")] * AT_ONCE) == {200: LIMIT - 1, 429: AT_ONCE - LIMIT + 1}
    assert len(checked) == LIMIT
    assert AccessAttempt.objects.get().failures_since_start == LIMIT


def test_a_burst_over_many_names_is_limited(checked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "NAMES_PER_ADDRESS", 1)
    submit_at_once([(f"name {number}", "wrong") for number in range(AT_ONCE)])
    assert len(checked) == LIMIT


def test_users_of_one_address_sign_in_at_the_same_moment(checked: list[str]) -> None:
    names = [f"rita-{number}" for number in range(AT_ONCE)]
    for name in names:
        make_user(None, name)
    assert submit_at_once([(name, PASSWORD) for name in names]) == {302: AT_ONCE}


def test_an_attempt_that_waits_too_long_is_refused(checked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    make_user()
    monkeypatch.setattr(throttling, "SET_LOCK_TIMEOUT", "SET LOCAL lock_timeout = '100ms'")
    with transaction.atomic(), ThreadPoolExecutor(1) as pool:
        sql.value(throttling.LOCK_ADDRESS, ["127.0.0.1"])

        def attempt() -> Any:
            try:
                return Client().post(SIGN_IN, {"username": "rita", "password": PASSWORD})
            finally:
                connection.close()

        page = pool.submit(attempt).result()
    assert (page.status_code, page["Retry-After"]) == (429, "20")
    assert "Your password was not checked" in page.content.decode()
    assert checked == []


def test_the_sign_in_of_the_admin_is_the_same_page(client: Client, checked: list[str]) -> None:
    page = client.post("/admin/login/?next=/admin/", {"username": "rita", "password": "wrong"})
    assert (page.status_code, page["Location"]) == (302, f"{SIGN_IN}?next=/admin/")
    assert checked == []
