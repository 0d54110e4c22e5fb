"""The tickers of companies: their own, and those of their ultimate parents."""

from collections.abc import Collection
from dataclasses import dataclass

from ncfd_site.core import sql

# The view of canonical companies walks all of them, so it is asked only where one of these has a parent. An identifier
# from elsewhere is no key of a security.
_TICKERS = """
    WITH canonical AS (
        SELECT found.company_id, found.canonical_id FROM v_company_canonical found
        WHERE found.company_id = ANY(%(ids)s) AND EXISTS (
            SELECT FROM company_relationships WHERE child_company_id = ANY(%(ids)s) AND end_date IS NULL
        )
    ), holders AS (
        SELECT company_id, company_id AS holder_id FROM unnest(%(ids)s::bigint[]) given (company_id)
        UNION SELECT company_id, canonical_id FROM canonical
    )
    SELECT DISTINCT holders.company_id, security.ticker, holders.holder_id <> holders.company_id AS is_parents,
           holder.name AS holder
    FROM holders
    JOIN company_securities link ON link.company_id = holders.holder_id
    JOIN securities security
      ON security.security_id = CASE WHEN link.security_id ~ '^[0-9]{1,9}$' THEN link.security_id::integer END
    JOIN companies holder ON holder.company_id = holders.holder_id
    WHERE security.status = 'active'
    ORDER BY 1, 3, 2
"""


@dataclass(frozen=True, slots=True)
class Ticker:
    """A ticker of a company or of its ultimate parent."""

    company_id: int
    ticker: str
    is_parents: bool
    holder: str


def tickers_of(company_ids: Collection[int]) -> dict[int, list[Ticker]]:
    """Return the active tickers of companies and of those at the top above them, by company; own ones first."""
    found: dict[int, list[Ticker]] = {}
    if not company_ids:
        return found
    for one in sql.rows(_TICKERS, {"ids": sorted(company_ids)}, of=Ticker):
        known = found.setdefault(one.company_id, [])
        if all(other.ticker != one.ticker for other in known):
            known.append(one)
    return found
