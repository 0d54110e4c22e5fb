"""Finding securities and companies by what people and columns call them."""

from collections.abc import Collection, Iterable

from django.db.models.functions import Length

from securities.loading.names import normalised_company_name
from securities.models import Company, CompanySecurity, Security

# Every digit string up to this long fits the key; a longer identifier comes from elsewhere.
LONGEST_KEY = 9


def securities_by_id(identifiers: Iterable[str]) -> dict[str, Security]:
    """Return the known securities among identifiers as `company_securities` holds them, by identifier.

    The column is text and may hold an identifier from elsewhere: such a one is left out.
    """
    keys = {text: int(text) for text in identifiers if text.isascii() and text.isdigit() and len(text) <= LONGEST_KEY}
    known = Security.objects.defer("metadata").select_related("exchange").in_bulk(keys.values())
    return {text: known[key] for text, key in keys.items() if key in known}


def ids_of_tickers_like(beginning: str, limit: int = 1000) -> list[str]:
    """Return, as text, the keys of securities whose ticker begins so, in any letter case; short tickers first."""
    found = Security.objects.filter(ticker_norm__startswith=beginning.upper()).order_by(Length("ticker_norm"), "pk")
    return [str(key) for key in found.values_list("pk", flat=True)[:limit]]


def security_of(text: str) -> Security | None:
    """Return the security that a person means by a number or a ticker: of a ticker the active one, else the latest."""
    wanted = text.strip()
    securities = Security.objects.select_related("company", "exchange").defer("metadata")
    if by_key := securities_by_id([wanted]).get(wanted):
        return by_key
    of_ticker = securities.filter(ticker_norm=wanted.upper())
    return of_ticker.filter(status=Security.Status.ACTIVE).first() or of_ticker.order_by("-effective_range").first()


def active_securities_of(company_ids: Collection[int]) -> dict[int, list[Security]]:
    """Return the active securities of companies, by company and in the order of their tickers."""
    found = Security.objects.filter(company_id__in=company_ids, status=Security.Status.ACTIVE)
    securities: dict[int, list[Security]] = {}
    for security in found.only("ticker", "company_id", "status").order_by("ticker_norm"):
        securities.setdefault(security.company_id, []).append(security)
    return securities


def companies_of_ticker(ticker: str) -> list[int]:
    """Return the keys of companies that have, or had, a security with this ticker."""
    found = Security.objects.filter(ticker_norm=ticker.upper())
    return list(found.order_by("company_id").values_list("company_id", flat=True).distinct())


def companies_named(beginning: str, limit: int = 1000) -> list[int]:
    """Return the keys of companies whose normalised name begins so, in the order of their names."""
    found = Company.objects.filter(name_norm__startswith=normalised_company_name(beginning))
    return list(found.order_by("name_norm").values_list("pk", flat=True)[:limit])


def links_of_security(security: Security) -> list[CompanySecurity]:
    """Return the links that say whose a security is, with the companies."""
    return list(CompanySecurity.objects.filter(security_id=str(security.pk)).select_related("company"))
