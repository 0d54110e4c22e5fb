"""Securities of companies over time, and the companies that a ticker has meant."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from ncfd_site.core import sql
from securities.loading.tickers import SOURCE
from securities.models import Security

MAX_PERIODS = 300
MAX_TICKER_LENGTH = 32


@dataclass(frozen=True, slots=True)
class ListingPeriod:
    """The period in which a ticker was a security of a company: from `first` until before `after`; None is unbounded.

    `is_issuer`: the security names the company. `is_linked`: a row of `company_securities` does. If they differ, two
    companies claim the security. `is_first_seen`: `first` is the date of the first SEC list with the ticker, so it may
    have been listed before. `is_empty`: the period contains no day.
    """

    security_id: int
    company_id: int
    cik: int
    company_name: str
    ticker: str
    exchange: str
    exchange_name: str
    type: str
    status: str
    first: date | None
    after: date | None
    is_empty: bool
    is_issuer: bool
    is_linked: bool
    is_first_seen: bool

    @property
    def last(self) -> date | None:
        """Last day of the period; None if it is open."""
        return self.after - timedelta(days=1) if self.after else None

    @property
    def status_label(self) -> str:
        """Status of the security today, for display."""
        return str(Security.Status(self.status).label)

    @property
    def type_label(self) -> str:
        """Type of the security, for display."""
        return str(Security.Type(self.type).label)

    def includes(self, day: date) -> bool:
        """Return whether the day is in the period."""
        return (
            not self.is_empty and (self.first is None or self.first <= day) and (self.after is None or day < self.after)
        )


# `company_securities.security_id` is text: only possible keys are cast, so that the primary key's index is used.
_CLAIMS_OF_COMPANIES = """
    SELECT s.security_id, s.company_id, true AS is_issuer FROM securities s WHERE s.company_id = ANY (%(companies)s)
    UNION ALL
    SELECT s.security_id, k.company_id::integer, false
    FROM company_securities k JOIN securities s
      ON s.security_id = CASE WHEN k.security_id ~ '^[0-9]{1,9}$' THEN k.security_id::integer END
    WHERE k.company_id = ANY (%(companies)s)
"""
# Here the link is found by the security's key as text, which has an index.
_CLAIMS_OF_TICKER = """
    SELECT s.security_id, s.company_id, true AS is_issuer FROM securities s WHERE s.ticker_norm = ANY (%(spellings)s)
    UNION ALL
    SELECT s.security_id, k.company_id::integer, false FROM securities s
    JOIN company_securities k ON k.security_id = s.security_id::text WHERE s.ticker_norm = ANY (%(spellings)s)
"""
_PERIODS = """
    WITH claims AS ({claims})
    SELECT s.security_id, c.company_id, c.cik, c.name AS company_name, s.ticker, e.code AS exchange,
           e.name AS exchange_name, s.type::text AS type, s.status::text AS status,
           lower(s.effective_range) AS first, upper(s.effective_range) AS after,
           isempty(s.effective_range) AS is_empty, claimed.is_issuer, claimed.is_linked,
           lower(s.effective_range) IS NOT NULL AND coalesce(s.metadata ->> 'source', '') = '{source}' AS is_first_seen
    FROM (SELECT security_id, company_id, bool_or(is_issuer) AS is_issuer, bool_or(NOT is_issuer) AS is_linked
          FROM claims GROUP BY security_id, company_id) claimed
    JOIN securities s USING (security_id)
    JOIN companies c ON c.company_id = claimed.company_id
    JOIN exchanges e ON e.exchange_id = s.exchange_id
    ORDER BY lower(s.effective_range) NULLS FIRST, s.ticker_norm, claimed.is_issuer DESC, c.company_id LIMIT {limit}
"""
_OF_COMPANIES = _PERIODS.format(claims=_CLAIMS_OF_COMPANIES, limit="ALL", source=SOURCE)
_OF_TICKER = _PERIODS.format(claims=_CLAIMS_OF_TICKER, limit=MAX_PERIODS, source=SOURCE)


def list_ticker_spellings(text: str) -> list[str]:
    """Return the spellings of a ticker (BRK.B, BRK-B and BRK/B are one); empty if the text cannot be a ticker."""
    ticker = text.strip().upper()
    if not ticker or len(ticker) > MAX_TICKER_LENGTH or not ticker.isprintable() or any(map(str.isspace, ticker)):
        return []
    dashed = ticker.replace(".", "-").replace("/", "-")
    return list(dict.fromkeys([ticker, dashed, dashed.replace("-", "."), dashed.replace("-", "/")]))


def list_ticker_history(text: str) -> list[ListingPeriod]:
    """Return all periods of a ticker, oldest first; a security that two companies claim appears for each."""
    spellings = list_ticker_spellings(text)
    return sql.rows(_OF_TICKER, {"spellings": spellings}, of=ListingPeriod) if spellings else []


def list_company_listings(company_id: int) -> list[ListingPeriod]:
    """Return the listings of a company, own and linked, oldest first."""
    return sql.rows(_OF_COMPANIES, {"companies": [company_id]}, of=ListingPeriod)[:MAX_PERIODS]


def list_active_listings(company_ids: Collection[int], day: date) -> dict[int, list[ListingPeriod]]:
    """Return the active listings of each company on a day."""
    listings: dict[int, list[ListingPeriod]] = {}
    for period in sql.rows(_OF_COMPANIES, {"companies": list(company_ids)}, of=ListingPeriod):
        if period.status == Security.Status.ACTIVE and period.includes(day):
            listings.setdefault(period.company_id, []).append(period)
    return listings


def list_unknown_identifiers(company_id: int) -> list[str]:
    """Return the identifiers that are linked to a company but are not in `securities`; at most 100."""
    identifiers: list[str] = sql.value(
        """
        SELECT coalesce(array_agg(security_id), '{}') FROM (
            SELECT k.security_id FROM company_securities k
            WHERE k.company_id = %s AND NOT EXISTS (
                SELECT FROM securities s
                WHERE s.security_id = CASE WHEN k.security_id ~ '^[0-9]{1,9}$' THEN k.security_id::integer END
            ) ORDER BY k.security_id LIMIT 100
        ) unknown
        """,
        [company_id],
    )
    return identifiers
