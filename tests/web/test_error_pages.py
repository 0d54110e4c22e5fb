"""Error pages."""

import pytest
from django.conf import LazySettings
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, ProgrammingError
from django.template.loader import render_to_string
from django.test import Client
from psycopg import errors

from ncfd_site.config.errors import DatabaseUnavailable
from ncfd_site.core import sql
from ncfd_site.schema.deploy import revisions
from tests.factories import make_user
from tests.web.reading import text_of


@pytest.mark.django_db
def test_an_unknown_url(client: Client) -> None:
    client.force_login(make_user())
    page = client.get("/nowhere/<b>/")
    assert page.status_code == 404
    assert "There is no page /nowhere/<b>/" in text_of(page)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("/nowhere/", "There is no page /nowhere/"),
        ("/tickers/NOPE/", "No security has or had the ticker NOPE"),
        ("/companies/12/", "There is no company with the CIK 12"),
    ],
)
def test_development_shows_the_same_page(client: Client, settings: LazySettings, address: str, message: str) -> None:
    settings.DEBUG = True
    client.force_login(make_user())
    page = client.get(address)
    assert page.status_code == 404
    assert message in text_of(page)
    assert "urlpatterns" not in page.content.decode()
    assert "URLconf" not in page.content.decode()


@pytest.mark.django_db
def test_a_failure_needs_no_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.force_login(make_user())

    def fail(*_: object) -> None:
        raise DatabaseError("the password is secret")

    monkeypatch.setattr("linkaudit.queries.list_heuristics", fail)
    client.raise_request_exception = False
    page = client.get("/links/")
    assert page.status_code == 500
    assert "Nothing was partially saved." in text_of(page)
    assert "secret" not in page.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("debug", [False, True])
def test_a_failure_on_a_database_behind_head_names_the_command(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: LazySettings, debug: bool
) -> None:
    settings.DEBUG = debug
    client.force_login(make_user())
    sql.execute("UPDATE alembic_version SET version_num = %s", [revisions.ids()[7]])

    def fail(*_: object) -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr("linkaudit.queries.list_heuristics", fail)
    client.raise_request_exception = False
    page = client.get("/links/")
    assert page.status_code == 503
    assert "Run manage.py migrate_alembic." in text_of(page)


@pytest.mark.parametrize("name", ["400", "500"])
def test_error_pages_need_no_request(name: str) -> None:
    # Without the mark django_db, a query fails.
    assert "Go back" in render_to_string(f"{name}.html")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "cause", "status"),
    [
        (OperationalError, errors.AdminShutdown, 503),
        (OperationalError, errors.OperationalError, 503),  # a lost connection has no code
        (InterfaceError, errors.InterfaceError, 503),
        (InternalError, errors.ReadOnlySqlTransaction, 503),
        (DatabaseUnavailable, errors.OperationalError, 503),
        (OperationalError, errors.QueryCanceled, 500),
        (OperationalError, errors.DiskFull, 500),
        (ProgrammingError, errors.UndefinedTable, 500),
    ],
)
def test_an_outage_that_is_over_asks_to_try_again(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: type[Exception], cause: type[Exception], status: int
) -> None:
    client.force_login(make_user())

    def fail(*_: object) -> None:
        raise error("the password is secret") from cause("the password is secret")

    monkeypatch.setattr("linkaudit.queries.list_heuristics", fail)
    client.raise_request_exception = False
    page = client.get("/links/")
    assert (page.status_code, page.get("Retry-After")) == (status, "10" if status == 503 else None)
    assert ("The database does not answer." in text_of(page)) is (status == 503)
    assert "secret" not in page.content.decode()
