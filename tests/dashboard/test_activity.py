"""The activity page: each series as a row and a chart, by role."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from ncfd_site.dashboard.activity import _registry
from signals.models import Signal
from tests.factories import make_link_audit, make_trial, make_user
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


def test_series_count_rows_by_period(client: Client) -> None:
    client.force_login(make_user(Role.ANALYST))
    empty = client.get("/activity/")
    for key in _registry.items():
        assert f'id="chart-{key}"' in empty.content.decode(), key
    assert "Not loaded" not in text_of(empty)
    trial = make_trial()
    for days, code in ((0, "S1"), (14, "S2"), (400, "S3")):
        Signal.objects.create(trial=trial, s_id=code, severity="H", fired_at=timezone.now() - timedelta(days=days))
    for decision in ("right", "right", "wrong"):
        sql.value("SELECT record_link_review(%s, %s, 'rita', 'page', '')", [make_link_audit().pk, decision])
    page = client.get("/activity/")
    charts = {shown.source.key: shown.tile.chart for shown in page.context["tiles"]}
    assert [item.value for item in charts["signals"].items if item.value] == [1, 1]
    assert sum(item.value for item in charts["labels"].items) == 3
    assert [item.text for item in charts["precision"].items if item.value] == ["66.7 % (2 of 3)"]
    assert "66.7 % (2 of 3)" in text_of(page)


def test_groups_see_their_series(client: Client) -> None:
    client.force_login(make_user(None))
    assert "Your groups do not see any series." in text_of(client.get("/activity/"))
