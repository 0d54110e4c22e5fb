"""Windows of precision include both ends of the creation time, in every time zone."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linkaudit.models import LinkAudit
from linkaudit.precision.forms import Window, WindowForm
from tests.factories import make_user
from tests.linkaudit.reviewing import make_open_links
from tests.web.reading import text_of

SECOND = timedelta(seconds=1)


def window(start: str = "", end: str = "") -> Window:
    form = WindowForm({"from": start, "to": end})
    assert form.is_valid(), form.errors
    return form.window()


def test_date_is_a_day_in_utc_to_its_last_microsecond() -> None:
    found = window("2026-01-01", "2026-01-31")
    assert found.start == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.end == datetime(2026, 1, 31, 23, 59, 59, 999999, UTC)
    assert found.query_string == "from=2026-01-01&to=2026-01-31"
    assert window() == Window()


@pytest.mark.parametrize(
    "text", ["2026-01-01T12:00Z", "2026-01-01 12:00", "2026-01-01T14:00+02:00", "2026-01-01T14:00:00 02:00"]
)
def test_time_is_parsed_with_its_zone(text: str) -> None:
    # An unescaped plus sign in a query string is decoded as a space.
    assert window(text).start == datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end"), [("soon", ""), ("2026-13-01", ""), ("", "2026-02-30T00:00Z"), ("2026-02-01", "2026-01-31")]
)
def test_invalid_window_is_rejected(start: str, end: str) -> None:
    assert not WindowForm({"from": start, "to": end}).is_valid()


@given(st.datetimes(timezones=st.timezones()), st.integers(-14 * 60, 14 * 60))
def test_every_time_is_parsed_as_written(moment: datetime, offset: int) -> None:
    # The offset distinguishes repeated and skipped hours of a zone.
    try:
        written = moment.astimezone(timezone(timedelta(minutes=offset)))
    except OverflowError:
        return
    assert window(written.isoformat()).start == written


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_links_on_both_ends_count(client: Client, data: Any) -> None:
    """Around the repeated and the skipped hour of New York, in the zones of the requests."""
    if "_auth_user_id" not in client.session:
        client.force_login(make_user())
        for moment in CHANGES:
            make_open_links("HP-1", 1, created_at=moment, label=True)
    zones = st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours)))
    first, last = sorted(data.draw(st.tuples(st.sampled_from(CHANGES), st.sampled_from(CHANGES))))
    asked = {
        "from": first.astimezone(data.draw(zones)).isoformat(),
        "to": last.astimezone(data.draw(zones)).isoformat(),
    }
    found = client.get("/heuristics/HP-1.json", asked).json()
    assert found["reviewed_links"] == sum(first <= moment <= last for moment in CHANGES)
    assert sum(line["reviewed_links"] for line in found["by_month"]) == found["reviewed_links"]


CHANGES = [
    start + step
    for start in (datetime(2024, 11, 3, 5, 30, tzinfo=UTC), datetime(2024, 3, 10, 7, 0, tzinfo=UTC))
    for step in (-SECOND, timedelta(0), timedelta(microseconds=1), timedelta(hours=1), timedelta(hours=1) + SECOND)
]


@pytest.mark.django_db
def test_page_shows_the_window(client: Client) -> None:
    client.force_login(make_user())
    make_open_links("HP-1", 3, created_at=datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), label=False)
    make_open_links("HP-1", 4, created_at=datetime(2026, 2, 1, tzinfo=UTC), label=True)
    words = text_of(client.get("/heuristics/HP-1/?from=2026-01-01&to=2026-01-31"))
    assert "0 of 3 reviewed links are right" in words
    assert "links created from 2026-01-01 00:00:00+00:00 to 2026-01-31 23:59:59.999999+00:00, both included" in words
    # The promotion rule ignores the window.
    assert "Promotion rule ✗ Not met: needs 53 more" in words
    words = text_of(client.get("/heuristics/HP-1/?from=2027-01-01"))
    assert "No links were created in this date range: precision unknown." in words
    assert "4 of 7 reviewed links are right" in text_of(client.get("/heuristics/HP-1/"))


@pytest.mark.django_db
def test_invalid_window_counts_nothing(client: Client) -> None:
    client.force_login(make_user())
    LinkAudit.objects.filter(pk__in=make_open_links("HP-1", 3)).update(label=True)
    page = client.get("/heuristics/HP-1/?from=soon")
    assert page.status_code == 400
    assert "Enter a date as 2026-01-31, or a time as 2026-01-31T12:00Z." in text_of(page)
    assert "reviewed links are right" not in text_of(page)
    answer = client.get("/heuristics/HP-1.json?to=soon")
    assert answer.status_code == 400
    assert answer.json()["errors"]["to"][0]["message"].startswith("Enter a date")
