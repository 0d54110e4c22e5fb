"""Lookups of companies and securities by name, ticker or identifier."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models.functions import Length

from ncfd_site.core import sql
from securities.loading.names import normalize_company_name
from securities.models import Company, Security

# Any number with this many digits fits the key; a longer identifier is not from this database.
MAX_KEY_DIGITS = 9
MAX_MATCHES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainAlias:
    """A domain of a company in lower case, a row of `v_domain_aliases`; `src` is `alias` or `company`."""

    company_id: int
    domain_root: str
    src: str


def find_securities(identifiers: Iterable[str]) -> dict[str, Security]:
    """Return the securities among identifiers of `company_securities`; identifiers of other systems are skipped."""
    keys = {
        text: int(text) for text in identifiers if text.isascii() and text.isdigit() and len(text) <= MAX_KEY_DIGITS
    }
    securities = Security.objects.defer("metadata").select_related("exchange").in_bulk(keys.values())
    return {text: securities[key] for text, key in keys.items() if key in securities}


def find_security(text: str) -> Security | None:
    """Return the security with this ID or ticker; of several with the ticker, the active one, else the latest."""
    wanted = text.strip()
    if by_key := find_securities([wanted]).get(wanted):
        return by_key
    by_ticker = Security.objects.select_related("company", "exchange").filter(ticker_norm=wanted.upper())
    by_ticker = by_ticker.defer("metadata")
    return by_ticker.filter(status=Security.Status.ACTIVE).first() or by_ticker.order_by("-effective_range").first()


def find_security_ids(ticker_prefix: str) -> list[str]:
    """Return the IDs, as text, of securities whose ticker starts with a prefix; shortest tickers first."""
    securities = Security.objects.filter(ticker_norm__startswith=ticker_prefix.upper())
    keys = securities.order_by(Length("ticker_norm"), "pk").values_list("pk", flat=True)[:MAX_MATCHES]
    return [str(key) for key in keys]


def find_company_ids_by_ticker(ticker: str) -> list[int]:
    """Return the IDs of companies that have or had a security with this ticker."""
    securities = Security.objects.filter(ticker_norm=ticker.upper())
    return list(securities.order_by("company_id").values_list("company_id", flat=True).distinct())


def find_company_ids_by_name(prefix: str) -> list[int]:
    """Return the IDs of companies whose normalized name starts with a prefix, in alphabetical order."""
    companies = Company.objects.filter(name_norm__startswith=normalize_company_name(prefix))
    return list(companies.order_by("name_norm").values_list("pk", flat=True)[:MAX_MATCHES])


def list_active_securities(company_ids: Collection[int]) -> dict[int, list[Security]]:
    """Return the active securities by company, ordered by ticker; companies without any are absent."""
    active = Security.objects.filter(company_id__in=company_ids, status=Security.Status.ACTIVE)
    securities: dict[int, list[Security]] = {}
    for security in active.only("ticker", "company_id", "status").order_by("ticker_norm"):
        securities.setdefault(security.company_id, []).append(security)
    return securities


def list_domains(company_id: int) -> list[DomainAlias]:
    """Return the domains of a company in alphabetical order."""
    return sql.rows(
        "SELECT company_id, domain_root, src FROM v_domain_aliases WHERE company_id = %s ORDER BY domain_root, src",
        [company_id],
        of=DomainAlias,
    )
