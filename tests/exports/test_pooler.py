"""Exports behind a pooler in transaction mode are whole."""

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from ncfd_site.core.roles import Role
from ncfd_site.exports import sources
from signals.models import Trial
from tests.databases import Keywords
from tests.factories import POSTED, make_user
from tests.migration.test_pooler import pgbouncer

READERS, TIMES, ROWS = 4, 5, 1_500


@pytest.mark.django_db(transaction=True)
def test_every_concurrent_export_has_every_row(embedded: Keywords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "FETCH_SIZE", 100)
    Trial.objects.bulk_create(
        Trial(nct_id=f"NCT{number:08}", is_pivotal=True, last_seen_at=POSTED) for number in range(ROWS)
    )
    user = make_user(Role.ANALYST)
    settings = connections.databases["default"]
    found: list[int] = []
    with pgbouncer({**embedded, "dbname": settings["NAME"]}, "transaction", "default_pool_size = 3") as pooled:
        address = {"HOST": pooled["host"], "PORT": pooled["port"], "USER": pooled["user"]}
        monkeypatch.setitem(connections.databases, "default", {**settings, **address})
        threads = [threading.Thread(target=_export, args=(user, found)) for _ in range(READERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [ROWS] * READERS * TIMES


def _export(user: User, found: list[int]) -> None:
    # A thread has connections of its own, which are made by the settings above.
    client = Client()
    client.force_login(user)
    for _ in range(TIMES):
        answer = client.get("/exports/signals.trial/csv/")
        lines = b"".join(answer.streaming_content).splitlines()  # type: ignore[attr-defined]
        found.append(len(lines) - 2)
    connections.close_all()
