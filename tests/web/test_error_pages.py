"""Error pages."""

from pathlib import Path

import pytest
from django.conf import LazySettings
from django.contrib.sessions.models import Session
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, ProgrammingError
from django.template.loader import render_to_string
from django.test import Client
from psycopg import errors

from ncfd_site.config.errors import DatabaseUnavailable
from ncfd_site.core import sql
from ncfd_site.schema.deploy import revisions
from tests.factories import make_link_audit, make_user
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


def test_error_pages_need_no_database_and_no_manifest(settings: LazySettings, tmp_path: Path) -> None:
    # Without the mark django_db, a query fails; a page of the site fails without the manifest.
    storage = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": storage}
    settings.STATIC_ROOT = str(tmp_path)
    for name in ("400", "403", "403_csrf", "405", "500", "503"):
        page = render_to_string(f"{name}.html", {"page": "/links/", "problem": "No answer."})
        assert 'href="/static/ncfd/ncfd.css"' in page, name
    with pytest.raises(ValueError, match="Missing staticfiles manifest entry"):
        render_to_string("404.html")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "address", "page"),
    [
        ("GET", "/review/lease/", "/review/"),
        ("GET", "/jobs/3/cancel/", "/jobs/3/"),
        ("GET", "/heuristics/HP-1/samples/draw/", "/heuristics/HP-1/"),
        ("GET", "/samples/3/close/", "/"),
        ("PUT", "/companies/", "/"),
    ],
)
def test_an_address_without_a_page_names_the_nearest(client: Client, method: str, address: str, page: str) -> None:
    client.force_login(make_user(is_superuser=True))
    answer = client.generic(method, address)
    assert answer.status_code == 405
    assert answer["Allow"]
    assert f'Open <a href="{page}">' in answer.content.decode()
    assert ("is the address of a button" in text_of(answer)) is (method == "GET")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("referer", "page"), [("http://testserver/review/?a=1", "/review/%3Fa%3D1"), ("http://other/x/", "/review/")]
)
def test_a_button_after_the_session_leads_to_its_page(client: Client, referer: str, page: str) -> None:
    answer = client.post("/review/lease/", headers={"Referer": referer}, follow=True)
    assert answer.redirect_chain == [(f"/accounts/login/?next={page}", 302)]
    assert "You were signed out, and nothing was changed." in text_of(answer)


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


@pytest.mark.django_db
def test_a_database_lost_while_the_session_is_saved_is_no_deleted_session(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(make_user())
    audit = make_link_audit()
    client.raise_request_exception = False

    def lose_database(*_: object, **__: object) -> None:
        raise OperationalError("gone") from errors.AdminShutdown("gone")

    monkeypatch.setattr(Session, "save", lose_database)
    form = {"decision": "right", "note": "", "seen_at": audit.updated_at.isoformat()}
    answer = client.post(f"/links/{audit.pk}/", form)
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
