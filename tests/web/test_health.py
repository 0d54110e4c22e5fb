"""Whether the site is up and whether it can work, as whatever looks after it asks: without signing in."""

import pytest
from django.conf import LazySettings, settings
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ncfd_site.core import sql
from ncfd_site.schema.deploy import revisions
from ncfd_site.web import health


def test_being_up_needs_no_database(client: Client) -> None:
    # Without the mark of this fixture any query fails.
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "no-store" in answer["Cache-Control"]
    assert "Set-Cookie" not in answer


def test_being_up_needs_no_session_either(client: Client) -> None:
    client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    assert client.get("/healthz").content == b"ok\n"


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_it_is_only_read(client: Client, address: str, method: str) -> None:
    assert client.generic(method, address).status_code == 405


@pytest.mark.django_db
def test_a_database_at_head_is_ready(client: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_max_num_queries(4):
        answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (200, b"ready\n")
    assert client.head("/readyz").status_code == 200
    assert not client.cookies


@pytest.mark.django_db
@pytest.mark.parametrize("revision", [revisions.ids()[-2], "20250820_final_company_security"])
def test_a_database_that_is_not_at_head_is_not_ready(client: Client, revision: str) -> None:
    sql.execute("UPDATE alembic_version SET version_num = %s", [revision])
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.content == (
        b"The database is not at the revision that this version needs: run manage.py migrate_alembic.\n"
    )
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.parametrize("broken", ["SELECT secret_name FROM nowhere", "SELECT pg_sleep(9)::text"])
def test_a_database_without_an_answer_is_one_sentence_without_its_reason(
    client: Client, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setattr(health, "PATIENCE", "SET LOCAL statement_timeout = '100ms'")
    monkeypatch.setattr(health, "REVISION", broken)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (503, b"The database does not answer.\n")


@pytest.mark.django_db
def test_the_probes_are_not_sent_to_https(client: Client, settings: LazySettings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/links/").status_code == 301
    assert Client().get("/healthz").status_code == 200
    assert Client().get("/readyz").status_code == 200
