"""What is listed of companies over time, and which company a ticker meant when."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ncfd_site.core import sql
from securities.loading.tickers import SOURCE
from securities.models import Security

# A company with more securities than this is no company; a ticker has had fewer owners yet.
MOST = 300
LONGEST_TICKER = 32


@dataclass(frozen=True, slots=True)
class Span:
    """A security of a company with its days. `first` and `last` are days on which it still was that; None: without end.

    `is_issuer` tells that the security names the company itself; `is_linked`, that a row of `company_securities`
    does. They can differ, and then two companies lay claim to one security. `is_first_seen` tells that `first` is the
    day of the first list that had it: before that nobody looked, so what it was then is not known.
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
    is_never: bool
    is_issuer: bool
    is_linked: bool
    is_first_seen: bool

    @property
    def last(self) -> date | None:
        """The last day; None while there is none."""
        return self.after - timedelta(days=1) if self.after else None

    @property
    def status_words(self) -> str:
        """The status in words."""
        return str(Security.Status(self.status).label)

    @property
    def type_words(self) -> str:
        """What kind of security it is, in words."""
        return str(Security.Type(self.type).label)

    def holds(self, on: date) -> bool:
        """Whether the ticker was this security on that day."""
        return (
            not self.is_never and (self.first is None or self.first <= on) and (self.after is None or on < self.after)
        )


# `security_id` of a link is text: only what can be a key is compared, so that the key's index is used.
_CLAIMS = """
    SELECT s.security_id, s.company_id, true AS is_issuer FROM securities s WHERE {issuer}
    UNION ALL
    SELECT s.security_id, k.company_id::integer, false
    FROM company_securities k JOIN securities s
      ON s.security_id = CASE WHEN k.security_id ~ '^[0-9]{{1,9}}$' THEN k.security_id::integer END
    WHERE {linked}
"""
_SPANS = """
    WITH claims AS ({claims})
    SELECT s.security_id, c.company_id, c.cik, c.name AS company_name, s.ticker, e.code AS exchange,
           e.name AS exchange_name, s.type::text AS type, s.status::text AS status,
           lower(s.effective_range) AS first, upper(s.effective_range) AS after,
           isempty(s.effective_range) AS is_never, claimed.is_issuer, claimed.is_linked,
           lower(s.effective_range) IS NOT NULL AND coalesce(s.metadata ->> 'source', '') = '{source}' AS is_first_seen
    FROM (SELECT security_id, company_id, bool_or(is_issuer) AS is_issuer, bool_or(NOT is_issuer) AS is_linked
          FROM claims GROUP BY security_id, company_id) claimed
    JOIN securities s USING (security_id)
    JOIN companies c ON c.company_id = claimed.company_id
    JOIN exchanges e ON e.exchange_id = s.exchange_id
    ORDER BY lower(s.effective_range) NULLS FIRST, s.ticker_norm, claimed.is_issuer DESC, c.company_id LIMIT {most}
"""
_OF_COMPANIES = _SPANS.format(
    claims=_CLAIMS.format(issuer="s.company_id = ANY (%(companies)s)", linked="k.company_id = ANY (%(companies)s)"),
    most="ALL",
    source=SOURCE,
)
# The links of a security are found by its number as text, which has an index.
_OF_TICKER = _SPANS.format(
    claims="""
    SELECT s.security_id, s.company_id, true AS is_issuer FROM securities s WHERE s.ticker_norm = ANY (%(forms)s)
    UNION ALL
    SELECT s.security_id, k.company_id::integer, false FROM securities s
    JOIN company_securities k ON k.security_id = s.security_id::text WHERE s.ticker_norm = ANY (%(forms)s)
    """,
    most=MOST,
    source=SOURCE,
)


def forms_of_ticker(text: str) -> list[str]:
    """Return the forms in which a ticker may be kept: BRK.B, BRK-B and BRK/B are one. Empty where it can be none."""
    ticker = text.strip().upper()
    if not ticker or len(ticker) > LONGEST_TICKER or not ticker.isprintable() or any(map(str.isspace, ticker)):
        return []
    bare = ticker.replace(".", "-").replace("/", "-")
    return list(dict.fromkeys([ticker, bare, bare.replace("-", "."), bare.replace("-", "/")]))


def history_of_ticker(text: str) -> list[Span]:
    """Return whom a ticker has meant, the oldest first; a security that two companies claim stands there twice."""
    forms = forms_of_ticker(text)
    return sql.rows(_OF_TICKER, {"forms": forms}, of=Span) if forms else []


def securities_over_time(company_id: int) -> list[Span]:
    """Return what is and was listed of a company, by its own securities and by links, the oldest first."""
    return _of_companies([company_id])[:MOST]


def securities_of_companies(company_ids: Collection[int], on: date) -> dict[int, list[Span]]:
    """Return what is listed of each company on a day and trades, by company."""
    found: dict[int, list[Span]] = {}
    for span in _of_companies(company_ids):
        if span.status == Security.Status.ACTIVE and span.holds(on):
            found.setdefault(span.company_id, []).append(span)
    return found


def foreign_identifiers(company_id: int) -> list[str]:
    """Return the identifiers that a company is linked to and that no row of `securities` has."""
    found: list[Any] = sql.rows(
        """
        SELECT k.security_id AS identifier FROM company_securities k
        WHERE k.company_id = %s AND NOT EXISTS (
            SELECT FROM securities s
            WHERE s.security_id = CASE WHEN k.security_id ~ '^[0-9]{1,9}$' THEN k.security_id::integer END
        ) ORDER BY k.security_id LIMIT 100
        """,
        [company_id],
        of=_Identifier,
    )
    return [one.identifier for one in found]


@dataclass(frozen=True, slots=True)
class _Identifier:
    identifier: str


def _of_companies(company_ids: Collection[int]) -> list[Span]:
    return sql.rows(_OF_COMPANIES, {"companies": list(company_ids)}, of=Span)
