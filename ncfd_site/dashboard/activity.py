"""Activity over time: a chart for each series that an app registers, loaded like the tiles of the home page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ncfd_site.core.charts.series import SeriesItem, build_series_chart
from ncfd_site.core.permissions import current_user, require_permission
from ncfd_site.core.registry import Registry
from ncfd_site.dashboard.loading import load_tiles
from ncfd_site.dashboard.tile import Query, Rows, Source, Tile

# Number of periods that a chart shows, with the current one.
PERIODS = {"day": 30, "week": 26, "month": 12}
# `{rows}` has a column `at` and the columns of `{value}`. A period begins at midnight UTC.
BY_PERIOD = """
SELECT period::date AS at, {value}
FROM generate_series(
    date_trunc('{unit}', now() AT TIME ZONE 'UTC') - interval '{back} {unit}', now() AT TIME ZONE 'UTC',
    interval '1 {unit}'
) AS period
LEFT JOIN ({rows}) r ON date_trunc('{unit}', r.at AT TIME ZONE 'UTC') = period
GROUP BY 1 ORDER BY 1
"""
# Bounds the rows to the periods, for their index.
SINCE = "date_trunc('{unit}', now(), 'UTC') - interval '{back} {unit}'"

_registry = Registry[Source]("series", "dashboard", lambda source: source.key)


@dataclass(frozen=True, slots=True)
class Period:
    """A period with the number of its rows, and their value if that is something else."""

    at: date
    count: int
    value: float | None


def register_series(
    key: str,
    title: str,
    permission: str,
    *,
    unit: str,
    rows: str,
    value: str = "count(r.at)::float8",
    describe: Callable[[Period], SeriesItem],
    heading: str,
    url_name: str = "",
) -> None:
    """Register a series: SQL of its `rows`, each with a time `at` since `{since}`, and of the `value` of a period."""
    parts = {"unit": unit, "back": PERIODS[unit] - 1}
    rows = rows.format(since=SINCE.format(**parts))
    query = BY_PERIOD.format(rows=rows, value=f"count(r.at) AS count, {value} AS value", **parts)

    def build(found: Rows, _: User) -> Tile:
        items = [describe(period) for period in found["periods"]]
        return Tile(chart=build_series_chart(key, title, (unit.capitalize(), heading), items))

    _registry.register(Source(key, title, (permission,), {"periods": Query(query, Period)}, build, url_name))


def count_as(noun: str) -> Callable[[Period], SeriesItem]:
    """Return a description of periods by the number of their rows."""
    return partial(_describe_count, noun)


def _describe_count(noun: str, period: Period) -> SeriesItem:
    return SeriesItem(period.at.isoformat(), period.count, f"{period.count:,} {noun}{'' if period.count == 1 else 's'}")


@require_safe
@require_permission()
def activity(request: HttpRequest) -> HttpResponse:
    """Show the series that the user may see, first in rows with a sparkline, then as charts."""
    tiles = load_tiles(list(_registry.items().values()), current_user(request))
    return render(request, "dashboard/activity.html", {"title": "Activity", "tiles": tiles})
