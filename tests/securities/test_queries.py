"""Finding securities and companies by what people and columns call them."""

from datetime import date
from typing import Any

import pytest
from psycopg.types.range import DateRange

from securities import queries
from securities.models import CompanySecurity, Exchange, Security
from tests import factories

pytestmark = pytest.mark.django_db


def make_security(ticker: str, since: int = 2020, **fields: Any) -> Security:
    return Security.objects.create(
        **{
            "company": fields.pop("company", None) or factories.make_company(),
            "ticker": ticker,
            "ticker_norm": ticker.upper(),
            "exchange": Exchange.objects.get(code="NASDAQ"),
            "effective_range": DateRange(date(since, 1, 1), fields.pop("until", None)),
            **fields,
        }
    )


def test_identifiers_that_are_keys_lead_to_securities_and_others_are_left_out() -> None:
    security = make_security("ABC")
    given = [str(security.pk), "999999", "FIGI:1", "", "9" * 30, "\u0667", "-1"]
    assert queries.securities_by_id(given) == {str(security.pk): security}


def test_a_ticker_means_the_active_security() -> None:
    old = make_security("ABC", 2010, until=date(2015, 1, 1), status="delisted")
    new = make_security("ABC")
    assert queries.security_of(" abc ") == new
    assert queries.security_of(str(old.pk)) == old


def test_a_ticker_without_active_security_means_the_latest() -> None:
    make_security("ABC", 2010, until=date(2012, 1, 1), status="delisted")
    latest = make_security("ABC", 2013, until=date(2015, 1, 1), status="acquired")
    assert queries.security_of("ABC") == latest
    assert queries.security_of("XYZ") is None


def test_tickers_are_found_by_their_beginning_short_ones_first() -> None:
    long, short = make_security("ABCD"), make_security("ABC")
    make_security("XABC")
    assert queries.ids_of_tickers_like("abc") == [str(short.pk), str(long.pk)]
    assert queries.ids_of_tickers_like("abc", limit=1) == [str(short.pk)]
    assert queries.ids_of_tickers_like("%") == []


def test_companies_are_found_by_ticker_past_or_present() -> None:
    security = make_security("ABC", status="delisted")
    assert queries.companies_of_ticker("abc") == [security.company_id]
    assert queries.companies_of_ticker("ab") == []


def test_companies_are_found_by_the_beginning_of_the_name_without_its_legal_form() -> None:
    company = factories.make_company(name="Eli Lilly & Co", name_norm="eli lilly")
    factories.make_company(name="Lilly Industries", name_norm="lilly industries")
    assert queries.companies_named("ELI LILLY & Co") == [company.pk]
    assert queries.companies_named("eli") == [company.pk]


def test_the_active_securities_of_companies_come_by_company() -> None:
    company = factories.make_company()
    warrant, share = make_security("ABCW", company=company), make_security("ABC", company=company)
    make_security("OLD", company=company, status="delisted")
    assert queries.active_securities_of([company.pk, 999_999]) == {company.pk: [share, warrant]}


def test_the_links_of_a_security_name_its_companies(django_assert_num_queries: Any) -> None:
    security = make_security("ABC")
    link = CompanySecurity.objects.create(company=security.company, security_id=str(security.pk))
    with django_assert_num_queries(1):
        (found,) = queries.links_of_security(security)
        assert found.company.name == security.company.name
    assert found == link
