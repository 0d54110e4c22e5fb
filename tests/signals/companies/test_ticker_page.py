"""Company of a ticker on a day: on the first and last day, between owners, and with two owners."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from securities.models import Company, CompanySecurity
from tests.factories import make_company
from tests.signals.companies.listed import make_scored_trial, make_security
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db

SOLD, BOUGHT = date(2019, 5, 3), date(2020, 2, 3)


@pytest.fixture
def reused() -> tuple[Company, Company]:
    """Two companies that had one ticker, one after the other, with some months between."""
    old, new = make_company(name="Old Owner"), make_company(name="New Owner")
    make_security("SNK", old, date(2011, 3, 1), SOLD, status="delisted")
    make_security("SNK", new, BOUGHT, exchange="OTCQB")
    return old, new


def answer(client: Client, ticker: str, on: str = "") -> str:
    """Return the text of the page before the history."""
    page = client.get(f"/tickers/{ticker}/", {"on": on} if on else {})
    assert page.status_code == 200
    words = text_of(page)
    return words[: words.index("History of")]


@pytest.mark.parametrize(
    ("on", "company"),
    [
        ("2011-02-28", None),
        ("2011-03-01", "Old Owner"),
        ("2019-05-02", "Old Owner"),
        ("2019-05-03", None),
        ("2020-02-02", None),
        ("2020-02-03", "New Owner"),
        ("9999-12-31", "New Owner"),
        ("0001-01-01", None),
    ],
)
def test_a_ticker_means_its_owner_from_the_first_day_to_the_last(
    ana: Client, reused: tuple[Company, Company], on: str, company: str | None
) -> None:
    words = answer(ana, "SNK", on)
    if company:
        assert f"SNK {'will be' if on > '2100' else 'was'} {company}: common stock" in words
    else:
        assert f"On {on}, SNK belonged to no company." in words


def test_today_is_the_day_where_none_is_given(ana: Client, reused: tuple[Company, Company]) -> None:
    words = answer(ana, "snk")
    assert f"On {timezone.localdate()}, SNK is New Owner" in words
    assert "Before that, until 2019-05-02, it was Old Owner (NASDAQ)." in words
    assert f'value="{timezone.localdate()}"' in ana.get("/tickers/SNK/?on=").content.decode()


def test_a_day_between_two_owners_shows_both(ana: Client, reused: tuple[Company, Company]) -> None:
    words = answer(ana, "SNK", "2019-12-24")
    assert "Until 2019-05-02, it was Old Owner (NASDAQ)." in words
    assert "From 2020-02-03 on, it is New Owner (OTCQB)." in words


def test_the_whole_history_is_shown_for_any_day(ana: Client, reused: tuple[Company, Company]) -> None:
    words = text_of(ana.get("/tickers/SNK/?on=2015-01-01"))
    assert "SNK on the day Old Owner 2011-03-01 2019-05-02 NASDAQ common stock delisted" in words
    assert "SNK New Owner 2020-02-03 none yet OTCQB common stock active" in words
    assert "The security is delisted today." in words


def test_a_security_that_is_listed_later_means_nothing_yet(ana: Client) -> None:
    first = timezone.localdate() + timedelta(days=12)
    make_security("HYP", make_company(name="Hyper AG"), first, status="pending")
    words = answer(ana, "HYP")
    assert "HYP belongs to no company." in words
    assert f"From {first} on, it is Hyper AG" in words


def test_a_security_without_first_or_last_day_is_shown(ana: Client) -> None:
    make_security("EVR", make_company(name="Ever AG"), None, date(2001, 1, 1), status="delisted")
    assert "was Ever AG" in answer(ana, "EVR", "1900-01-01")
    never = make_security("NVR", make_company(name="Never AG"), date(2001, 1, 1), date(2001, 1, 1), status="delisted")
    assert never.pk
    page = text_of(ana.get("/tickers/NVR/"))
    assert "NVR belongs to no company." in page
    assert "Never AG no day" in page


@pytest.mark.parametrize("form", ["BRK-B", "BRK.B", "brk.b", "brk-b", "BRK/B"])
def test_the_forms_of_a_ticker_with_a_class_of_shares_are_one(ana: Client, form: str) -> None:
    make_security("BRK-B", make_company(name="Berkshire"))
    assert "BRK-B is Berkshire" in answer(ana, form)


def test_a_ticker_that_another_company_is_linked_to_names_both(ana: Client) -> None:
    security, other = make_security("ABC", make_company(name="Issuer AG")), make_company(name="Claimant AG")
    CompanySecurity.objects.create(company=other, security_id=str(security.pk))
    words = answer(ana, "ABC")
    assert "ABC is Issuer AG" in words
    assert "By the company securities, it belongs to Claimant AG too." in words
    assert "by a link alone" in text_of(ana.get("/tickers/ABC/"))


def test_the_risk_of_the_company_is_summarized(ana: Client) -> None:
    company = make_company(name="Issuer AG")
    make_security("ABC", company)
    make_scored_trial(company, "0.98000", nct_id="NCT00000001")
    make_scored_trial(company, "0.20000")
    assert "Issuer AG 2 1 98.0 % NCT00000001 none ahead" in answer(ana, "ABC")


@pytest.mark.parametrize("on", ["x", "2019-13-01", "2019-02-30", "01/02/2019", "\x00", "0000-01-01", "-1", "9" * 400])
def test_an_invalid_day_shows_an_error(ana: Client, reused: tuple[Company, Company], on: str) -> None:
    page = ana.get("/tickers/SNK/", {"on": on})
    assert page.status_code == 400
    assert "Enter a date as YYYY-MM-DD" in text_of(page)
    assert "New Owner 2020-02-03" in text_of(page)


@pytest.mark.parametrize(
    "ticker", ["NOPE", "a%00b", "%2F", "A%2FB", "'", "%22%3E%3Cscript%3E", "%20", "A" * 400, "%C3%9F", "%"]
)
def test_an_unknown_ticker_is_not_found(ana: Client, ticker: str) -> None:
    page = ana.get(f"/tickers/{ticker}/")
    assert page.status_code == 404
    assert "ticker" in text_of(page)
    assert b"<script>" not in page.content


@pytest.mark.parametrize("rows", [5, 50])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    ana: Client, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    for year in range(rows):
        make_security("ABC", make_company(), date(1950 + year, 1, 1), date(1951 + year, 1, 1), status="delisted")
    make_security("ABC", make_company(), date(2020, 1, 1))
    ana.get("/tickers/ABC/")
    # Session, person, two for permissions, securities, risk.
    with django_assert_num_queries(6):
        ana.get("/tickers/ABC/")


def test_a_list_is_no_evidence_for_the_days_before_it(ana: Client) -> None:
    """The SEC's list has no first days; the first day of the list is stored instead."""
    make_security("PFE", make_company(name="Pfizer"), date(2026, 1, 5), metadata={"source": "sec"})
    words = answer(ana, "PFE", "2019-01-01")
    assert "On 2019-01-01, PFE belonged to no company that is known." in words
    assert "The first list of the SEC with it that was read is of 2026-01-05: there it is Pfizer (NASDAQ)" in words
    assert "From 2026-01-05 on, it is" not in words
    assert "since 2026-01-05 (first SEC list)" in answer(ana, "PFE", "2026-01-05")
    assert "2026-01-05 first list with it" in text_of(ana.get("/tickers/PFE/"))


def test_a_known_first_day_is_shown(ana: Client) -> None:
    make_security("PFE", make_company(name="Pfizer"), date(1972, 6, 1), metadata={"source": "exchange"})
    assert "(NASDAQ), since 1972-06-01." in answer(ana, "PFE")
    assert "first list" not in text_of(ana.get("/tickers/PFE/"))
