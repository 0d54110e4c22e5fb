"""API of companies and of the companies that a ticker has meant."""

import re
from datetime import date, datetime
from typing import Any, Literal

from django.db.models import Q
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Query, Schema
from pydantic import Field

from ncfd_site.api import keyset
from ncfd_site.api.operations import ListParams, Page, Word, declare_get, pick, register_router
from ncfd_site.api.problems import BadRequest
from securities.loading.names import normalize_company_name
from securities.models import Company, CompanyAlias, Security
from securities.queries.listings import ListingPeriod, list_active_listings, list_ticker_history, list_ticker_spellings

router = register_router("companies", 50)
VIEW = "securities.view_company"
CIK = re.compile(r"[0-9]{1,10}", re.ASCII)


class CompanyItem(Schema):
    """A company that files with the SEC."""

    cik: int
    name: str
    sic: str | None
    state_incorp: str | None
    country_incorp: str | None
    website_domain: str | None
    lei: str | None
    tickers: list[str] = Field(description="Active tickers.")
    updated_at: datetime


class SecurityItem(Schema):
    """A ticker of a company over a period."""

    security_id: int
    cik: int = Field(description="CIK of the company.")
    company: str
    ticker: str
    exchange: str
    type: str
    status: str
    first: date | None = Field(description="First day; null if unknown.")
    is_first_seen: bool = Field(description="`first` is the date of the first SEC list with the ticker.")
    last: date | None = Field(description="Last day; null if open.")
    is_issuer: bool = Field(description="The security names the company as issuer.")
    is_linked: bool = Field(description="A company security links the company.")


class Companies(Page):
    """A page of companies."""

    items: list[CompanyItem]


class CompaniesParams(ListParams):
    """Filters of companies."""

    q: Word = Field("", description="Part of a current or former name, CIK, or a current or former ticker.")
    exchange: Word = Field("", description="Exchange of an active security, such as NASDAQ or NYSE.")
    listed: Literal["", "now"] = Field("", description="now: only companies with an active security.")


class TickerDetail(Schema):
    """The securities of a ticker on a date, and its history."""

    ticker: str
    on: date
    items: list[SecurityItem] = Field(description="Securities on that date.")
    history: list[SecurityItem] = Field(description="All securities, oldest first.")


class TickerParams(Schema):
    """Date."""

    on: date | None = Field(None, description="Date (default: today).")


@declare_get(router, "/companies", VIEW, Companies, "Companies")
def companies(request: HttpRequest, params: Query[CompaniesParams]) -> object:
    """Return companies with their active tickers, A to Z."""
    today = timezone.now().date()
    rows = Company.objects.defer("metadata")
    if params.q:
        rows = rows.filter(_build_company_condition(params.q))
    if params.exchange or params.listed:
        active = Security.objects.filter(status=Security.Status.ACTIVE, effective_range__contains=today)
        if params.exchange:
            active = active.filter(exchange__code=params.exchange)
        rows = rows.filter(pk__in=active.values("company_id"))
    page = keyset.page(request, rows, [keyset.Key("name_norm"), keyset.Key("pk")], params.limit, params.cursor)
    listings = list_active_listings([company.pk for company in page.rows], today)
    items = [build_company_item(company, listings.get(company.pk, [])) for company in page.rows]
    return {"items": items, "next": page.next}


@declare_get(router, "/tickers/{ticker}", VIEW, TickerDetail, "Companies of a ticker")
def ticker(request: HttpRequest, ticker: str, params: Query[TickerParams]) -> object:
    """Return the companies of a ticker on a date, and its history: a ticker can pass from one company to another."""
    day = params.on or timezone.now().date()
    if not list_ticker_spellings(ticker):
        raise BadRequest("This is not a ticker.", "ticker")
    history = list_ticker_history(ticker)
    if not history:
        raise Http404(f"No security has or had the ticker {ticker.upper()}.")
    return {
        "ticker": ticker.upper(),
        "on": day,
        "items": [build_security_item(period) for period in history if period.includes(day)],
        "history": [build_security_item(period) for period in history],
    }


def build_security_item(period: ListingPeriod) -> dict[str, Any]:
    """Return a listing period as a `SecurityItem`."""
    names = "security_id cik ticker exchange type status first last is_first_seen is_issuer is_linked"
    return {**pick(period, names), "company": period.company_name}


def build_company_item(company: Company, active: list[ListingPeriod]) -> dict[str, Any]:
    """Return a company with its active listings as a `CompanyItem`."""
    names = "cik name sic state_incorp country_incorp website_domain lei updated_at"
    return {**pick(company, names), "tickers": sorted({period.ticker for period in active})}


def _build_company_condition(text: str) -> Q:
    term = text.strip()
    found = Q(cik=int(term)) if CIK.fullmatch(term) else Q()
    # Empty for text without letters and digits.
    if name := normalize_company_name(term):
        aliases = CompanyAlias.objects.filter(alias_norm__contains=name)
        found |= Q(name_norm__contains=name) | Q(pk__in=aliases.values("company_id"))
    return found | Q(pk__in={period.company_id for period in list_ticker_history(term)})
