"""Which requests read from a replica: no read path writes, and users see their own writes."""

import logging
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ncfd_site.api import tokens
from ncfd_site.postgres import replicas
from ncfd_site.web.replicas import COOKIE
from tests.factories import PASSWORD
from tests.replicas.conftest import Site, await_replica, sign_in
from tests.replicas.machines import wait_until
from tests.web.reading import text_of
from tests.web.test_matrix import ADDRESSES, rule

# These never read a replica: they need no user, or a temporary view.
ON_PRIMARY = {"/healthz", "/readyz", "/accounts/login/", "/jobs/<int:job_id>/progress/", "/schema/"}


@pytest.fixture(autouse=True)
def _content(settings: LazySettings, tmp_path: Path) -> None:
    settings.CONTENT_ROOT = tmp_path


def test_every_view_of_get_reads_from_the_replica(replicated: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "django.request")
    client = sign_in(replicated, "superuser")
    found = {
        address.pattern for address in ADDRESSES if _database_of(client, replicated.urls[address.pattern]) != "replica1"
    }
    assert found - {address.pattern for address in ADDRESSES if rule(address).get == 405} == ON_PRIMARY
    # No view wrote and ran again.
    assert [record.message for record in caplog.records if record.name == replicas.__name__] == []


def _database_of(client: Client, address: str) -> str:
    response: Any = client.get(address)
    if response.streaming:
        # The rows of an export are read while they are sent.
        b"".join(response.streaming_content)
    return str(response["X-Database"])


def test_a_read_asks_the_primary_for_session_and_user_only(replicated: Site) -> None:
    client = sign_in(replicated, "analyst")
    client.get("/trials/")
    with CaptureQueriesContext(connections["default"]) as on_primary:
        assert client.get("/trials/")["X-Database"] == "replica1"
    tables = ["django_session", "auth_user", "auth_user_user_permissions", "auth_group"]
    queries = [query["sql"] for query in on_primary.captured_queries]
    assert [table for table, query in zip(tables, queries, strict=True) if f'"{table}"' not in query] == []


def test_users_see_their_writes_and_others_do_not_wait(replicated: Site) -> None:
    olga, ana = sign_in(replicated, "operator"), sign_in(replicated, "analyst")
    replicated.on_standby("SELECT pg_wal_replay_pause()")
    try:
        created = olga.post("/tokens/", {"name": "nightly report", "days": 30})
        assert (created.status_code, created["X-Database"]) == (200, "primary")
        listed = olga.get("/tokens/")
        assert (listed["X-Database"], "nightly report" in text_of(listed)) == ("primary", True)
        assert ana.get("/tokens/")["X-Database"] == "replica1"
        assert ana.get("/trials/", headers={"Cache-Control": "no-cache"})["X-Database"] == "primary"
    finally:
        replicated.on_standby("SELECT pg_wal_replay_resume()")
    replicated.wait_until_replayed()
    await_position(olga)
    listed = olga.get("/tokens/")
    assert (listed["X-Database"], "nightly report" in text_of(listed)) == ("replica1", True)


def await_position(client: Client) -> None:
    """Wait until the process knows that the replica has the last write of a client."""
    position = int(client.cookies[COOKIE].value.split(":")[0])
    wait_until(lambda: replicas.find_replica(position) is not None)


def test_a_forged_position_counts_as_none(replicated: Site) -> None:
    client = sign_in(replicated, "analyst")
    client.cookies[COOKIE] = "99999999999999"
    assert client.get("/trials/")["X-Database"] == "replica1"


def test_a_token_works_at_once_and_no_longer_than_it_is_valid(replicated: Site) -> None:
    user: User = replicated.users["analyst"]
    replicated.on_standby("SELECT pg_wal_replay_pause()")
    try:
        new = tokens.create_token(user, "program", 1)
        headers = {"Authorization": f"Bearer {new.text}"}
        answer = Client().get("/api/v1/trials", headers=headers)
        assert (answer.status_code, answer["X-Database"]) == (200, "replica1")
        # The use of the token is recorded.
        new.token.refresh_from_db()
        assert new.token.last_used_at is not None
        tokens.revoke_token(user, new.token.pk)
        assert Client().get("/api/v1/trials", headers=headers).status_code == 401
    finally:
        replicated.on_standby("SELECT pg_wal_replay_resume()")


def test_signing_out_and_a_lost_group_count_at_once(replicated: Site) -> None:
    client = sign_in(replicated, "reviewer")
    stolen = Client()
    stolen.cookies["sessionid"] = client.cookies["sessionid"].value
    group = replicated.users["reviewer"].groups.get()
    replicated.on_standby("SELECT pg_wal_replay_pause()")
    try:
        replicated.users["reviewer"].groups.clear()
        assert stolen.get("/links/").status_code == 403
        replicated.users["reviewer"].groups.add(group)
        assert stolen.get("/links/").status_code == 200
        client.post("/accounts/logout/")
        assert stolen.get("/links/").status_code == 302
    finally:
        replicated.on_standby("SELECT pg_wal_replay_resume()")


def test_sign_in_with_a_replica(replicated: Site) -> None:
    client, user = Client(), replicated.users["analyst"]
    signed_in = client.post("/accounts/login/", {"username": user.username, "password": PASSWORD})
    assert (signed_in.status_code, signed_in["X-Database"]) == (302, "primary")
    assert client.get("/trials/").status_code == 200


def test_a_transaction_stays_on_the_primary(replicated: Site) -> None:
    await_replica()
    with transaction.atomic():
        assert replicas.find_replica(0) is None
