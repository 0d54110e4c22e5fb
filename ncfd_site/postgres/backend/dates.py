"""Loaders of dates and times that Python cannot represent: `infinity`, and years outside 1 to 9999."""

from datetime import UTC, date, datetime
from typing import Any

from psycopg import DataError
from psycopg.adapt import AdaptersMap, Loader
from psycopg.pq import Format
from psycopg.types.datetime import DateLoader, TimestampLoader

EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def bound_dates(template: AdaptersMap) -> AdaptersMap:
    """Return the adapters with loaders that return the nearest value that Python can represent.

    psycopg raises `DataError` for such a value, so that one row fails the whole query, and with it the page.
    """
    # Django's own loader: it compares the time zones of the loader and the connection.
    timestamptz: Any = template.get_loader(template.types["timestamptz"].oid, Format.TEXT)
    bounded = AdaptersMap(template)
    bounded.register_loader("date", _create_bounded_loader(DateLoader, date.min, date.max))
    without_zone = (EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None))
    bounded.register_loader("timestamp", _create_bounded_loader(TimestampLoader, *without_zone))
    bounded.register_loader("timestamptz", _create_bounded_loader(timestamptz, EARLIEST, LATEST))
    return bounded


def _create_bounded_loader(parent: type[Loader], earliest: date, latest: date) -> type[Loader]:
    class BoundedLoader(parent):  # type: ignore[misc, valid-type]
        """The parent, with a value for each input."""

        def load(self, data: Any) -> Any:
            """Return the parent's value, or the bound on the side of a value that the parent rejects."""
            try:
                return super().load(data)
            except DataError:
                return earliest if is_early(bytes(data).decode()) else latest

    return BoundedLoader


def is_early(text: str) -> bool:
    """Return whether PostgreSQL's text of a date is one before year 1, not one after 9999."""
    return text.startswith("-") or text.endswith("BC")
