"""The band on every page of a demonstration."""

from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection
from django.test import Client

from ncfd_site.core import demo_flag
from tests.factories import make_link_audit, make_user

WORDS = "Demonstration data: generated, not real"


@pytest.fixture(autouse=True)
def _clear_cache() -> Iterator[None]:
    demo_flag.clear_cache()
    yield
    demo_flag.clear_cache()


def mark(comment: str) -> None:
    with connection.cursor() as cursor:
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        cursor.execute(f"COMMENT ON DATABASE {name} IS %s", [comment])


@pytest.mark.django_db
def test_every_page_has_the_band(client: Client) -> None:
    mark("ncfd demonstration")
    assert WORDS in client.get("/accounts/login/").content.decode()
    client.force_login(make_user())
    audit = make_link_audit()
    for address in (
        "/",
        "/links/",
        f"/links/{audit.pk}/",
        "/heuristics/",
        "/admin/",
        "/nowhere/",
        "/admin/linkaudit/asset/?_popup=1",
    ):
        assert WORDS in client.get(address).content.decode(), address


@pytest.mark.django_db
@pytest.mark.parametrize("comment", ["", "another database"])
def test_other_databases_have_no_band(client: Client, comment: str) -> None:
    mark(comment)
    assert WORDS not in client.get("/accounts/login/").content.decode()


@pytest.mark.django_db
def test_a_demonstration_is_remembered() -> None:
    mark("ncfd demonstration")
    assert demo_flag.is_demonstration()
    mark("")
    assert demo_flag.is_demonstration()


@pytest.mark.django_db
def test_a_later_mark_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(demo_flag, "monotonic", lambda: now)
    assert not demo_flag.is_demonstration()
    mark("ncfd demonstration")
    assert not demo_flag.is_demonstration()
    now += demo_flag.RECHECK_SECONDS
    assert demo_flag.is_demonstration()


@pytest.mark.django_db
def test_an_unreachable_database_breaks_no_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("the server is down")

    monkeypatch.setattr("ncfd_site.core.sql.value", fail)
    assert client.get("/accounts/login/").status_code == 200
