"""Reads of companies, what is listed of them, who owns whom, and what the sponsor resolver made of sponsors."""

from securities.queries.family import Family, Relative, family_of, parents_of
from securities.queries.listed import (
    Span,
    foreign_identifiers,
    forms_of_ticker,
    history_of_ticker,
    securities_of_companies,
    securities_over_time,
)
from securities.queries.lookups import (
    active_securities_of,
    companies_named,
    companies_of_ticker,
    ids_of_tickers_like,
    links_of_security,
    securities_by_id,
    security_of,
)
from securities.queries.sponsors import Case, QueuePage, queue_page

__all__ = [
    "Case",
    "Family",
    "QueuePage",
    "Relative",
    "Span",
    "active_securities_of",
    "companies_named",
    "companies_of_ticker",
    "family_of",
    "foreign_identifiers",
    "forms_of_ticker",
    "history_of_ticker",
    "ids_of_tickers_like",
    "links_of_security",
    "parents_of",
    "queue_page",
    "securities_by_id",
    "securities_of_companies",
    "securities_over_time",
    "security_of",
]
