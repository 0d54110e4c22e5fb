"""Dates that PostgreSQL stores and Python cannot represent take no page away."""

import logging
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import DatabaseError, connection, transaction
from django.test import Client

from ncfd_site.core import sql
from ncfd_site.postgres.backend import dates
from tests.admin.conftest import person
from tests.sql import rolled_back
from tests.web.addresses import fillings
from tests.web.test_matrix import ADDRESSES

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("SELECT 'infinity'::date", date.max),
        ("SELECT '10000-01-01'::date", date.max),
        ("SELECT '0044-03-15 BC'::date", date.min),
        ("SELECT '-infinity'::timestamp", dates.EARLIEST.replace(tzinfo=None)),
        ("SELECT 'infinity'::timestamptz", dates.LATEST),
        ("SELECT '12026-11-30 01:02:03+00'::timestamptz", dates.LATEST),
        ("SELECT '0044-03-15 00:00+00 BC'::timestamptz", dates.EARLIEST),
        ("SELECT '2026-11-30 01:02:03.4+02'::timestamptz", datetime(2026, 11, 29, 23, 2, 3, 400000, tzinfo=UTC)),
        ("SELECT upper('[2020-01-01,infinity)'::daterange)", date.max),
        ("SELECT NULL::date", None),
    ],
)
def test_the_nearest_date_is_returned(query: str, value: object) -> None:
    assert sql.value(query) == value


def test_every_page_is_shown(
    settings: LazySettings, tmp_path: Path, caplog: pytest.LogCaptureFixture, subtests: pytest.Subtests
) -> None:
    caplog.set_level(logging.CRITICAL, "django.request")
    settings.CONTENT_ROOT = tmp_path
    fill = fillings()
    targets = [fill(address) for address in ADDRESSES if "logout" not in address.pattern]
    client = Client(raise_request_exception=False)
    client.force_login(person("superuser"))
    before = {target: client.get(target).status_code for target in targets}
    for value in ("infinity", "-infinity", "0044-03-15 BC"):
        with subtests.test(value), rolled_back():
            assert _set_all_dates(value) > 30
            assert {target: client.get(target).status_code for target in targets} == before


def _set_all_dates(value: str) -> int:
    """Set all dates and times of the schema as far as constraints allow; return the number of columns."""
    count = 0
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables"
            " USING (table_schema, table_name) WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
            " AND table_name !~ '^(django|auth|axes|alembic)' AND data_type ~ '^(date|timestamp)'"
        )
        for table, column in cursor.fetchall():
            try:
                with transaction.atomic():
                    cursor.execute(f"UPDATE {table} SET {column} = '{value}'")
                    count += cursor.rowcount > 0
            except DatabaseError:
                continue
        cursor.execute("SET LOCAL session_replication_role = origin")
    return count
