"""Lookups of companies and securities."""

from datetime import date
from typing import Any

import pytest
from psycopg.types.range import DateRange

from securities.models import Exchange, Security
from securities.queries import lookups
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


def test_only_identifiers_that_are_keys_find_securities() -> None:
    security = make_security("ABC")
    given = [str(security.pk), "999999", "FIGI:1", "", "9" * 30, "\u0667", "-1"]
    assert lookups.find_securities(given) == {str(security.pk): security}


def test_ticker_finds_the_active_security() -> None:
    old = make_security("ABC", 2010, until=date(2015, 1, 1), status="delisted")
    new = make_security("ABC")
    assert lookups.find_security(" abc ") == new
    assert lookups.find_security(str(old.pk)) == old


def test_ticker_without_active_security_finds_the_latest() -> None:
    make_security("ABC", 2010, until=date(2012, 1, 1), status="delisted")
    latest = make_security("ABC", 2013, until=date(2015, 1, 1), status="acquired")
    assert lookups.find_security("ABC") == latest
    assert lookups.find_security("XYZ") is None


def test_ticker_prefix_finds_shortest_tickers_first(monkeypatch: pytest.MonkeyPatch) -> None:
    long, short = make_security("ABCD"), make_security("ABC")
    make_security("XABC")
    assert lookups.find_security_ids("abc") == [str(short.pk), str(long.pk)]
    assert lookups.find_security_ids("%") == []
    monkeypatch.setattr(lookups, "MAX_MATCHES", 1)
    assert lookups.find_security_ids("abc") == [str(short.pk)]


def test_current_and_former_tickers_find_companies() -> None:
    security = make_security("ABC", status="delisted")
    assert lookups.find_company_ids_by_ticker("abc") == [security.company_id]
    assert lookups.find_company_ids_by_ticker("ab") == []


def test_name_prefix_finds_companies_without_legal_form() -> None:
    company = factories.make_company(name="Eli Lilly & Co", name_norm="eli lilly")
    factories.make_company(name="Lilly Industries", name_norm="lilly industries")
    assert lookups.find_company_ids_by_name("ELI LILLY & Co") == [company.pk]
    assert lookups.find_company_ids_by_name("eli") == [company.pk]


def test_active_securities_are_grouped_by_company() -> None:
    company = factories.make_company()
    warrant, share = make_security("ABCW", company=company), make_security("ABC", company=company)
    make_security("OLD", company=company, status="delisted")
    assert lookups.list_active_securities([company.pk, 999_999]) == {company.pk: [share, warrant]}
