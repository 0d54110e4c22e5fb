"""Listing periods of companies and tickers."""

from datetime import date

import pytest

from securities.models import CompanySecurity
from securities.queries import listings
from tests.factories import make_company
from tests.securities.test_lookups import make_security

pytestmark = pytest.mark.django_db

DAY = date(2024, 3, 1)


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        (" pfe ", ["PFE"]),
        ("brk.b", ["BRK.B", "BRK-B", "BRK/B"]),
        ("BRK-B", ["BRK-B", "BRK.B", "BRK/B"]),
        ("", []),
        ("A B", []),
        ("A\x00", []),
        ("A" * 33, []),
    ],
)
def test_ticker_spellings(text: str, forms: list[str]) -> None:
    assert listings.list_ticker_spellings(text) == forms


def test_period_includes_its_first_and_last_day() -> None:
    security = make_security("ABC", 2010, until=date(2015, 6, 1), status="delisted")
    (span,) = listings.list_ticker_history("abc")
    assert (span.first, span.last) == (date(2010, 1, 1), date(2015, 5, 31))
    held = [span.includes(day) for day in (date(2009, 12, 31), date(2010, 1, 1), date(2015, 5, 31), date(2015, 6, 1))]
    assert held == [False, True, True, False]
    assert (span.company_id, span.is_issuer, span.is_linked) == (security.company_id, True, False)


def test_security_claimed_by_two_companies_is_listed_for_both() -> None:
    security, other = make_security("ABC"), make_company()
    CompanySecurity.objects.create(company=other, security_id=str(security.pk))
    assert [(one.company_id, one.is_issuer) for one in listings.list_ticker_history("ABC")] == [
        (security.company_id, True),
        (other.pk, False),
    ]
    assert [one.ticker for one in listings.list_company_listings(other.pk)] == ["ABC"]


def test_only_securities_active_on_the_day_are_listed() -> None:
    company = make_company()
    make_security("NOW", company=company)
    make_security("OLD", 2010, until=date(2015, 6, 1), company=company, status="delisted")
    make_security("SUS", company=company, status="suspended")
    make_security("NEW", 2030, company=company)
    found = listings.list_active_listings([company.pk], DAY)
    assert {key: [one.ticker for one in spans] for key, spans in found.items()} == {company.pk: ["NOW"]}
    assert listings.list_active_listings([], DAY) == {}


def test_unknown_identifiers_match_no_security() -> None:
    security = make_security("ABC")
    for identifier in (str(security.pk), "FIGI:1", "999999999", "1" * 30):
        CompanySecurity.objects.create(company=security.company, security_id=identifier)
    assert listings.list_unknown_identifiers(security.company_id) == ["1" * 30, "999999999", "FIGI:1"]
