"""Companies, what is listed of them, and which company a ticker meant on a day."""

import re
from datetime import date, datetime
from typing import Any, Literal

from django.db.models import Q
from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Query, Schema
from pydantic import Field

from ncfd_site.api import keyset
from ncfd_site.api.operations import ListParams, Page, Word, declare_get, register_router
from ncfd_site.api.problems import BadRequest
from securities.loading.names import normalize_company_name
from securities.models import Company, CompanyAlias, Security
from securities.queries.listings import ListingPeriod, list_active_listings, list_ticker_history, list_ticker_spellings

router = register_router("companies", 50)
VIEW = "securities.view_company"
CIK = re.compile(r"[0-9]{1,10}", re.ASCII)


class CompanyItem(Schema):
    """One company that files with the SEC."""

    cik: int
    name: str
    sic: str | None
    state_incorp: str | None
    country_incorp: str | None
    website_domain: str | None
    lei: str | None
    tickers: list[str] = Field(description="What trades today.")
    updated_at: datetime


class SecurityItem(Schema):
    """A ticker over a range of days."""

    security_id: int
    cik: int = Field(description="The company that is meant.")
    company: str
    ticker: str
    exchange: str
    type: str
    status: str
    first: date | None = Field(description="First day; null where none is known.")
    is_first_seen: bool = Field(
        description="The first day is that of the first list that had it; it may have been listed before."
    )
    last: date | None = Field(description="Last day; null while there is none.")
    is_issuer: bool = Field(description="The security itself names the company.")
    is_linked: bool = Field(description="A link names the company.")


class Companies(Page):
    """Some companies."""

    items: list[CompanyItem]


class CompaniesAsked(ListParams):
    """Which companies."""

    q: Word = Field("", description="A part of its name or of another one, its CIK, or a ticker that it has or had.")
    exchange: Word = Field("", description="Listed there now: NASDAQ, NYSE, …")
    listed: Literal["", "now"] = Field("", description="now: with a security that trades today.")


class TickerAnswer(Schema):
    """Whom a ticker meant on a day, and whom it has meant."""

    ticker: str
    on: date
    items: list[SecurityItem] = Field(description="Securities that it was on that day; none where it was none.")
    history: list[SecurityItem] = Field(description="All that it has been, the oldest first.")


class TickerAsked(Schema):
    """As of when."""

    on: date | None = Field(None, description="The day; today where it is left out.")


@declare_get(router, "/companies", VIEW, Companies, "Companies by name")
def companies(request: HttpRequest, asked: Query[CompaniesAsked]) -> object:
    """Companies with the tickers that trade today."""
    today = timezone.now().date()
    found = Company.objects.defer("metadata")
    if asked.q:
        found = found.filter(_sought(asked.q))
    if asked.exchange or asked.listed:
        found = found.filter(pk__in=_listed(asked.exchange, today))
    page = keyset.page(request, found, [keyset.Key("name_norm"), keyset.Key("pk")], asked.limit, asked.cursor)
    listed = list_active_listings([company.pk for company in page.rows], today)
    return {"items": [company_item(company, listed.get(company.pk, [])) for company in page.rows], "next": page.next}


@declare_get(router, "/tickers/{ticker}", VIEW, TickerAnswer, "Whom a ticker meant on a day")
def ticker(request: HttpRequest, ticker: str, asked: Query[TickerAsked]) -> object:
    """A ticker can pass from one company to another: the day decides."""
    on = asked.on or timezone.now().date()
    if not list_ticker_spellings(ticker):
        raise BadRequest("This can be no ticker.", "ticker")
    history = list_ticker_history(ticker)
    if not history:
        raise Http404(f"No security has had the ticker {ticker.upper()}.")
    items = [security_item(span) for span in history if span.includes(on)]
    return {"ticker": ticker.upper(), "on": on, "items": items, "history": [security_item(span) for span in history]}


def security_item(span: ListingPeriod) -> dict[str, Any]:
    """Return a security over time as an item."""
    plain = "security_id cik ticker exchange type status first last is_first_seen is_issuer is_linked"
    return {**{name: getattr(span, name) for name in plain.split()}, "company": span.company_name}


def _sought(text: str) -> Q:
    bare = text.strip()
    # What is no letter or digit leaves nothing; then no name is meant.
    name = normalize_company_name(bare)
    of_ticker = {span.company_id for span in list_ticker_history(bare)}
    found = Q(cik=int(bare)) if CIK.fullmatch(bare) else Q()
    if name:
        of_alias = CompanyAlias.objects.filter(alias_norm__contains=name)
        found |= Q(name_norm__contains=name) | Q(pk__in=of_alias.values("company_id"))
    return found | Q(pk__in=of_ticker)


def _listed(exchange: str, today: date) -> Any:
    trading = Security.objects.filter(status=Security.Status.ACTIVE, effective_range__contains=today)
    return (trading.filter(exchange__code=exchange) if exchange else trading).values("company_id")


def company_item(company: Company, listed: list[ListingPeriod]) -> dict[str, Any]:
    """Return a company and the tickers of its listed securities as an item."""
    plain = "cik name sic state_incorp country_incorp website_domain lei updated_at"
    tickers = sorted({span.ticker for span in listed})
    return {**{name: getattr(company, name) for name in plain.split()}, "tickers": tickers}
