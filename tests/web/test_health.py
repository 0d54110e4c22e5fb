"""Health checks."""

import pytest
from django.conf import LazySettings, settings
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ncfd_site.core import sql
from ncfd_site.schema.deploy import revisions
from ncfd_site.web import health


def test_healthz_needs_no_database(client: Client) -> None:
    # Without the mark django_db, a query fails.
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "no-store" in answer["Cache-Control"]
    assert "Set-Cookie" not in answer


def test_healthz_reads_no_session(client: Client) -> None:
    client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    assert client.get("/healthz").content == b"ok\n"


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(client: Client, address: str, method: str) -> None:
    assert client.generic(method, address).status_code == 405


@pytest.mark.django_db
def test_a_database_at_head_is_ready(client: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_max_num_queries(6):
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
    assert answer.content == (b"The database is not at the revision of this version. Run manage.py migrate_alembic.\n")
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.parametrize("broken", ["SELECT secret_name FROM nowhere", "SELECT pg_sleep(9)::text"])
def test_a_failing_database_is_not_ready_and_the_reason_is_not_shown(
    client: Client, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setattr(health, "SET_TIMEOUT", "SET LOCAL statement_timeout = '100ms'")
    monkeypatch.setattr(health, "READ_REVISION", broken)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.content) == (503, b"The database does not answer.\n")


@pytest.mark.django_db
def test_health_checks_are_not_redirected_to_https(client: Client, settings: LazySettings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/links/").status_code == 301
    assert Client().get("/healthz").status_code == 200
    assert Client().get("/readyz").status_code == 200
