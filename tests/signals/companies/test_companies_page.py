"""The list of companies: who is found, in which order, with what beside it, and what it asks of the database."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ncfd_site.core.roles import Role
from securities.models import CompanyAlias
from tests.factories import make_company, make_user
from tests.signals.companies.listed import make_scored_trial, make_security, relate
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


def names(page: object) -> list[str]:
    """The companies of a page, from top to bottom."""
    words = text_of(page)  # type: ignore[arg-type]
    known = ("Alpha Pharma", "Beta Bio", "Gamma Gene")
    return sorted((name for name in known if name in words), key=words.index)


def test_a_row_shows_name_listings_parent_and_trials(ana: Client) -> None:
    company, parent = make_company(name="Alpha Pharma", cik=1001), make_company(name="Omega Holdings")
    relate(parent, company)
    make_security("ALP", company)
    readout = timezone.localdate() + timedelta(days=90)
    make_scored_trial(company, "0.97000", nct_id="NCT00000001", est_primary_completion_date=readout)
    make_scored_trial(company, "0.30000")
    make_scored_trial(company)
    page = ana.get("/companies/?q=alpha")
    assert "Alpha Pharma 1001 ALP NASDAQ Omega Holdings 3, 2 scored 1 97.0 % NCT00000001 in 3 months" in text_of(page)
    html = page.content.decode()
    for address in ("/companies/1001/", "/tickers/ALP/", f"/companies/{parent.cik}/", "/trials/NCT00000001/"):
        assert f'href="{address}"' in html
    assert f'title="{readout}"' in html


def test_a_company_without_data_has_an_empty_row(ana: Client) -> None:
    make_company(name="Alpha Pharma", cik=1001)
    assert "Alpha Pharma 1001 not listed none" in text_of(ana.get("/companies/"))


def test_companies_are_found_by_name_other_name_cik_and_ticker(ana: Client) -> None:
    alpha, beta = make_company(name="Alpha Pharma", cik=1001), make_company(name="Beta Bio", cik=1002)
    CompanyAlias.objects.create(
        company=alpha, alias="Old Alchemists", alias_norm="old alchemists", alias_type="former_name"
    )
    make_security("BTA.B", beta, date(2010, 1, 1), date(2012, 1, 1), status="delisted")
    for sought, found in (
        ("alpha", "Alpha Pharma"),
        ("pharma", "Alpha Pharma"),
        ("ALPHA PHARMA, Inc.", "Alpha Pharma"),
        ("alchemist", "Alpha Pharma"),
        ("1001", "Alpha Pharma"),
        ("0000001002", "Beta Bio"),
        ("bta-b", "Beta Bio"),
    ):
        assert names(ana.get("/companies/", {"q": sought})) == [found], sought
    assert "also Old Alchemists" in text_of(ana.get("/companies/?q=alchemist"))


@pytest.mark.parametrize("sought", ["%", "_", "'", "\\", "--", "\u0667", "99999999999"])
def test_signs_that_mean_something_elsewhere_are_letters_here(ana: Client, sought: str) -> None:
    make_company(name="Alpha Pharma")
    page = ana.get("/companies/", {"q": sought})
    assert page.status_code == 200
    assert "No companies match this filter" in text_of(page)


def test_only_what_is_listed_now_counts_as_listed(ana: Client) -> None:
    alpha, beta = make_company(name="Alpha Pharma"), make_company(name="Beta Bio")
    gamma = make_company(name="Gamma Gene")
    make_security("ALP", alpha, exchange="NYSE")
    make_security("BTA", beta, date(2010, 1, 1), date(2012, 1, 1), status="delisted")
    make_security("GAM", gamma, timezone.localdate() + timedelta(days=3))
    assert names(ana.get("/companies/?listed=now")) == ["Alpha Pharma"]
    assert names(ana.get("/companies/?exchange=NYSE")) == ["Alpha Pharma"]
    assert names(ana.get("/companies/?exchange=NASDAQ")) == []


def test_companies_are_filtered_and_sorted_by_their_trials(ana: Client) -> None:
    alpha, beta = make_company(name="Alpha Pharma"), make_company(name="Beta Bio")
    make_company(name="Gamma Gene")
    make_scored_trial(alpha, "0.99000")
    make_scored_trial(alpha, "0.10000")
    make_scored_trial(beta, "0.80000")
    make_scored_trial(beta, "0.75000")
    assert names(ana.get("/companies/?trials=any")) == ["Alpha Pharma", "Beta Bio"]
    assert names(ana.get("/companies/?sort=-name")) == ["Gamma Gene", "Beta Bio", "Alpha Pharma"]
    assert names(ana.get("/companies/?sort=-p_fail")) == ["Alpha Pharma", "Beta Bio"]
    assert names(ana.get("/companies/?sort=-at_risk")) == ["Beta Bio", "Alpha Pharma"]
    page = ana.get("/companies/?trials=high")
    assert names(page) == ["Alpha Pharma", "Beta Bio"]
    assert "Companies of the 1,000 riskiest trials at 75 % and more" in text_of(page)


def test_orders_by_risk_read_no_more_than_the_riskiest_trials(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signals.companies.risk.RISKIEST", 1)
    make_scored_trial(make_company(name="Alpha Pharma"), "0.99000")
    make_scored_trial(make_company(name="Beta Bio"), "0.98000")
    page = ana.get("/companies/?sort=-p_fail")
    assert names(page) == ["Alpha Pharma"]
    assert "Companies of the 1 riskiest trials" in text_of(page)


def test_a_company_with_very_many_trials_is_counted_up_to_a_limit(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signals.companies.risk.COMPANY_LIMIT", 2)
    company = make_company(name="Alpha Pharma")
    for _ in range(4):
        make_scored_trial(company, "0.10000")
    # What lies beyond the limit still counts as the riskiest.
    make_scored_trial(company, "0.98000", nct_id="NCT00000009")
    words = text_of(ana.get("/companies/"))
    assert "more than 2" in words
    assert "98.0 % NCT00000009" in words


@pytest.mark.parametrize(
    "query", ["sort=password", "page=0", "page=x", "q=%00", "trials=x", "listed=x", "q=" + "a" * 101]
)
def test_an_invalid_filter_shows_an_error_and_lists_nothing(ana: Client, query: str) -> None:
    make_company(name="Alpha Pharma")
    page = ana.get(f"/companies/?{query}")
    assert page.status_code == 400
    assert "Invalid filter" in text_of(page)
    assert names(page) == []


def test_pages_lead_to_each_other_with_the_filter(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ncfd_site.core.lists.PAGE_SIZE", 1)
    for name in ("Alpha Pharma", "Beta Bio", "Gamma Gene"):
        make_company(name=name)
    page = ana.get("/companies/?sort=-name&page=2")
    assert names(page) == ["Beta Bio"]
    assert 'href="?sort=-name&amp;page=1"' in page.content.decode()
    assert 'href="?sort=-name&amp;page=3"' in page.content.decode()


def test_an_empty_list_names_the_command_that_fills_it(ana: Client) -> None:
    assert "manage.py load_sec_tickers" in text_of(ana.get("/companies/"))
    assert "Go to the first page" in text_of(ana.get("/companies/?page=3"))
    assert "manage.py score_trials" in text_of(ana.get("/companies/?sort=-p_fail"))


@pytest.mark.parametrize("rows", [5, 50])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    ana: Client, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    for number in range(rows):
        company = make_company()
        relate(make_company(), company)
        make_security(f"T{number}", company)
        make_scored_trial(company, "0.80000")
    ana.get("/companies/")
    # Session, person, two for permissions, exchanges, rows, securities, parents, trials; the total of several pages.
    with django_assert_num_queries(9 + (rows > 25)):
        ana.get("/companies/")
    # The riskiest trials, and whom the ticker means.
    with django_assert_num_queries(11):
        page = ana.get("/companies/?sort=-p_fail&q=company")
    assert f"Rows 1 to {rows} of {rows}" in text_of(page)
    assert ana.get("/companies/").context["page"].total == 2 * rows


def test_a_reviewer_sees_it_and_a_user_without_group_sees_the_missing_permission(client: Client) -> None:
    client.force_login(make_user(Role.REVIEWER))
    page = client.get("/companies/")
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    client.force_login(make_user(None))
    for address in ("/companies/", "/companies/1/", "/tickers/A/", "/sponsors/"):
        refused = client.get(address)
        assert refused.status_code == 403
        assert "needs the permission securities.view_company" in text_of(refused)
