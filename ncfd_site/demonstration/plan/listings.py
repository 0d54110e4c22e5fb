"""What was listed of whom, where and when: a ticker over a range of dates each."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from ncfd_site.demonstration.catalogue.companies import MAKERS
from ncfd_site.demonstration.plan.calendar import Calendar
from ncfd_site.demonstration.plan.ownership import UTOPIA_SOLD

# An exchange that does not count as a listing in the US.
ELSEWHERE = "FANTASY"
RECEIPTS = ("laputa", "ruritania")
FIRST_LISTED = date(2009, 4, 6)


@dataclass(frozen=True, slots=True)
class Listing:
    """A security: `since` is its first day, `until` the day after its last."""

    ticker: str
    company: str
    exchange: str
    since: date
    until: date | None = None
    kind: str = "common"
    status: str = "active"
    is_primary: bool = True


def listings(calendar: Calendar) -> Iterator[Listing]:
    """Every security: one for each listed company, and what happened to others."""
    for place, maker in enumerate(MAKERS.values()):
        if maker.ticker and maker.key != "snark":
            kind = "adr" if maker.key in RECEIPTS else "common"
            yield Listing(
                maker.ticker, maker.key, maker.exchange, FIRST_LISTED + timedelta(days=211 * place), kind=kind
            )
    # One ticker, two companies, one after the other.
    yield Listing("ZQSNK", "mock_turtle", "NASDAQ", date(2011, 3, 1), date(2019, 11, 15), status="delisted")
    yield Listing("ZQSNK", "snark", "OTCQB", date(2020, 2, 3))
    yield Listing("ZQMTP", "mock_turtle", "OTCQB", date(2019, 11, 15), calendar.day(-300), status="delisted")
    yield Listing("ZQUTO", "utopia", "NASDAQ", date(2016, 5, 2), calendar.day(-UTOPIA_SOLD), status="acquired")
    yield Listing("ZQLILW", "lilliput", "NASDAQ", date(2021, 7, 1), kind="warrant", is_primary=False)
    yield Listing(
        "ZQCKMU", "cockaigne", "NASDAQ", date(2012, 1, 3), date(2012, 7, 2), "unit", "delisted", is_primary=False
    )
    yield Listing(
        "ZQZNDP", "zenda", "NYSE American", date(2017, 3, 6), None, "preferred", "suspended", is_primary=False
    )
    yield Listing("ZQHYPR", "hyperborea", "NASDAQ", calendar.day(12), None, "right", "pending", is_primary=False)
    yield Listing("ZQRURF", "ruritania", ELSEWHERE, date(2007, 9, 3), is_primary=False)
