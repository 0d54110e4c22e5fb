"""Companies, what they are called, who owns whom, and what is listed of them."""

from collections.abc import Mapping

from psycopg.types.range import DateRange

from ncfd_site.demonstration.catalogue.companies import MAKERS
from ncfd_site.demonstration.plan.calendar import Calendar, moment
from ncfd_site.demonstration.plan.listings import ELSEWHERE, listings
from ncfd_site.demonstration.plan.ownership import aliases, ownerships
from securities.loading.names import normalize_company_name
from securities.models import Company, CompanyAlias, CompanyRelationship, CompanySecurity, Exchange, Security

SOURCE = {"source": "demonstration"}
# Pharmaceutical preparations, and biological products.
SICS = ("2834", "2836")


def add_companies(calendar: Calendar) -> dict[str, int]:
    """Add every company with its names and owners; returns their numbers by key."""
    times = {"created_at": calendar.at(-239, 1), "updated_at": calendar.at(-239, 1)}
    companies = Company.objects.bulk_create(
        Company(
            cik=maker.cik,
            name=maker.name,
            name_norm=normalize_company_name(maker.name),
            sic=SICS[place % len(SICS)],
            state_incorp=maker.state or None,
            country_incorp=maker.country,
            website_domain=maker.domain,
            lei=f"DEMO{place:014}00",
            metadata=SOURCE,
            **times,
        )
        for place, maker in enumerate(MAKERS.values())
    )
    numbers = dict(zip(MAKERS, (company.pk for company in companies), strict=True))
    CompanyAlias.objects.bulk_create(
        CompanyAlias(
            company_id=numbers[alias.company],
            alias=alias.name,
            alias_norm=alias.name if alias.kind == "domain" else normalize_company_name(alias.name),
            alias_type=alias.kind,
            alias_company_id=numbers[alias.bearer] if alias.bearer else None,
            start_date=alias.since,
            end_date=alias.until,
            confidence=alias.confidence,
            source="demonstration",
            source_url=f"https://{MAKERS[alias.company].domain}/about",
            metadata=SOURCE,
            created_at=times["created_at"],
        )
        for alias in aliases()
    )
    CompanyRelationship.objects.bulk_create(
        CompanyRelationship(
            parent_company_id=numbers[one.parent],
            child_company_id=numbers[one.child],
            rel_type=one.kind,
            start_date=one.since,
            end_date=one.until,
            created_at=times["created_at"],
        )
        for one in ownerships(calendar)
    )
    return numbers


def add_securities(calendar: Calendar, companies: Mapping[str, int]) -> None:
    """Add what is and was listed, and whose it is."""
    Exchange.objects.create(
        code=ELSEWHERE,
        name="Fantasy Stock Exchange",
        country="CH",
        is_allowed=False,
        metadata=SOURCE,
        created_at=calendar.at(-239, 1),
    )
    exchanges = dict(Exchange.objects.values_list("code", "pk"))
    securities = Security.objects.bulk_create(
        Security(
            company_id=companies[listing.company],
            exchange_id=exchanges[listing.exchange],
            ticker=listing.ticker,
            ticker_norm=listing.ticker,
            type=listing.kind,
            status=listing.status,
            effective_range=DateRange(listing.since, listing.until),
            currency="CHF" if listing.exchange == ELSEWHERE else "USD",
            is_primary_listing=listing.is_primary,
            figi=f"DEMO{place:08}",
            cik=MAKERS[listing.company].cik,
            metadata=SOURCE,
            created_at=moment(min(listing.since, calendar.day(-239))),
            updated_at=moment(min(listing.until or listing.since, calendar.today)),
        )
        for place, listing in enumerate(listings(calendar))
    )
    links = [(security.company_id, str(security.pk)) for security in securities]
    # The column is text: an identifier from elsewhere may stand there too.
    links.append((companies["blefuscu"], "FIGI:DEMOUNLISTED1"))
    CompanySecurity.objects.bulk_create(
        CompanySecurity(company_id=company, security_id=security, linked_at=calendar.at(-238, 1))
        for company, security in links
    )
