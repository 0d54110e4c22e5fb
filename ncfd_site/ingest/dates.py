"""Dates as sources write them."""

import re
from datetime import date

from ncfd_site.ingest.records import InvalidRecord

EARLIEST, LATEST = 1900, 2100
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T[\d:.Z+-]*)?)?)?", re.ASCII)


def partial_date(text: str, what: str) -> date:
    """The day of YYYY-MM-DD; of YYYY-MM and YYYY the first day, since the database holds days.

    Raises `Unfit`, naming `what`, for anything else and for years outside of 1900 to 2100.
    """
    match = _DATE.fullmatch(text.strip())
    # Where there is no match, month 0 makes it fail like a month 13 does.
    parts = (int(match[1]), int(match[2] or 1), int(match[3] or 1)) if match else (1, 0, 0)
    try:
        day = date(*parts)
    except ValueError:
        raise InvalidRecord(f"{what} is {text[:40]!r}, which is no date (YYYY-MM-DD, YYYY-MM or YYYY)") from None
    if not EARLIEST <= day.year <= LATEST:
        raise InvalidRecord(f"{what} is {text[:40]!r}, which lies outside of the years {EARLIEST} to {LATEST}")
    return day
