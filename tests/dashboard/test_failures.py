"""A failing tile shows its error and leaves all others intact."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import pytest
from django.test import Client

from ncfd_site.dashboard import layout, loading
from ncfd_site.dashboard.tile import Rows, Source, Tile, registered_sources
from tests.factories import make_user
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db

KEYS = [source.key for source in registered_sources()]
READ = "could not be loaded"


@pytest.fixture
def everything(client: Client) -> Client:
    """Return a client of a user who sees all tiles."""
    client.force_login(make_user(None, "sue", is_superuser=True))
    return client


BROKEN = {
    "database": "SELECT 1 / 0 AS nothing",
    "time": "SELECT pg_sleep(20) AS nothing",
    # As after the statement timeout, but at once: a short timeout would cancel other tiles on a busy machine.
    "cancellation": "SELECT pg_cancel_backend(pg_backend_pid()) AS nothing, pg_sleep(20)",
}


def broken(key: str, how: str) -> tuple[Source, ...]:
    """The tiles, one of them broken."""

    def break_one(source: Source) -> Source:
        if source.key != key:
            return source
        if how == "building":
            return replace(source, build=_raise)
        name, part = next(iter(source.queries.items()))
        return replace(source, queries={**source.queries, name: replace(part, query=BROKEN[how])})

    return tuple(break_one(source) for source in registered_sources())


def _raise(found: Rows, user: object) -> Tile:
    raise RuntimeError("a secret of the tile")


def unread(page: str) -> list[str]:
    """The tiles of a page that were not read."""
    return [key for key in KEYS if f'class="board-tile unread" id="tile-{key}"' in page]


def test_a_superuser_sees_every_tile(everything: Client) -> None:
    page = everything.get("/").content.decode()
    assert [key for key in KEYS if f'id="tile-{key}"' in page] == KEYS
    assert unread(page) == []


@pytest.mark.parametrize("how", ["database", "building"])
@pytest.mark.parametrize("key", KEYS)
def test_a_tile_that_breaks_takes_no_other_along(
    key: str, how: str, everything: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(layout, "registered_sources", lambda: broken(key, how))
    answer = everything.get("/")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert unread(page) == [key]
    assert [one for one in KEYS if f'id="tile-{one}"' in page] == KEYS
    assert READ in text_of(answer)
    assert "secret" not in page
    assert "division" not in page
    assert [record for record in caplog.records if key in record.getMessage() and record.levelno >= logging.ERROR]


def test_a_tile_that_takes_too_long_is_given_up(
    everything: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(layout, "registered_sources", lambda: broken("risk", "cancellation"))
    answer = everything.get("/")
    assert unread(answer.content.decode()) == ["risk"]
    assert "took too long to load" in text_of(answer)


def test_when_all_are_slow_the_page_still_answers(everything: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "STATEMENT_TIMEOUT_MS", 100)
    monkeypatch.setattr(loading, "PAGE_TIMEOUT", 0.15)
    sources: Sequence[Source] = [
        next(one for one in broken(source.key, "time") if one.key == source.key) for source in registered_sources()
    ]
    monkeypatch.setattr(layout, "registered_sources", lambda: tuple(sources))
    answer = everything.get("/")
    assert answer.status_code == 200
    assert unread(answer.content.decode()) == KEYS
    assert "other tiles took too long" in text_of(answer)
