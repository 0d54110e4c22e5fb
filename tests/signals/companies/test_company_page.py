"""The page of one company: names, family, securities, trials and documents, and what they ask of the database."""

import re
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ncfd_site.core.roles import Role
from securities.models import Company, CompanyAlias, CompanySecurity
from tests.factories import make_company, make_document, make_user
from tests.signals.companies.listed import link_document, make_scored_trial, make_security, relate
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


def shown(client: Client, company: Company) -> str:
    """The words of the page of a company."""
    page = client.get(f"/companies/{company.cik}/")
    assert page.status_code == 200
    return text_of(page)


def test_a_company_without_data_lists_what_is_missing(ana: Client) -> None:
    words = shown(ana, make_company(name="Alpha Pharma", cik=1001))
    assert "Alpha Pharma CIK 1001 Ultimate parent none" in words.replace("Trials by risk ", "")
    for sentence in (
        "No trials of this company.",
        "No securities:",
        "No parents or subsidiaries recorded.",
        "No other names.",
        "No document is linked to this company or its trials.",
    ):
        assert sentence in words


def test_names_are_shown_with_kind_and_days(ana: Client) -> None:
    company, bearer = make_company(), make_company(name="Bearer", cik=1002)
    CompanyAlias.objects.create(
        company=company, alias="Old One", alias_norm="old one", alias_type="former_name",
        start_date=date(2001, 2, 3), end_date=date(2010, 4, 5),
    )  # fmt: skip
    CompanyAlias.objects.create(
        company=company, alias="Bearer Labs", alias_norm="bearer labs", alias_type="subsidiary", alias_company=bearer
    )
    page = ana.get(f"/companies/{company.cik}/")
    assert "former name Old One 2001-02-03 to 2010-04-05" in text_of(page)
    assert '<a href="/companies/1002/">Bearer Labs</a>' in page.content.decode()


def test_the_family_is_a_tree_with_past_relations(ana: Client) -> None:
    top, middle, bottom, former = (
        make_company(name=name) for name in ("Top AG", "Middle AG", "Bottom AG", "Former AG")
    )
    relate(top, middle, start_date=date(2015, 1, 1))
    relate(middle, bottom)
    relate(former, middle, "joint venture", start_date=date(2001, 1, 1), end_date=date(2014, 12, 31))
    words = shown(ana, middle)
    assert "Ultimate parent Top AG" in words
    assert "Parents subsidiary of Top AG, since 2015-01-01" in words
    assert "joint venture of Former AG, 2001-01-01 to 2014-12-31 (former)" in words
    assert "Subsidiaries Bottom AG subsidiary" in words
    assert "Subsidiaries Middle AG subsidiary, since 2015-01-01 Bottom AG subsidiary" in shown(ana, top)


def test_past_relations_are_not_followed(ana: Client) -> None:
    former, middle, bottom = (make_company(name=name) for name in ("Former AG", "Middle AG", "Bottom AG"))
    relate(former, middle, end_date=date(2014, 12, 31))
    relate(middle, bottom)
    make_scored_trial(bottom, "0.90000", nct_id="NCT00000009")
    words = shown(ana, former)
    assert "Middle AG" in words
    assert "Bottom AG" not in words
    assert "NCT00000009" not in words


def test_a_cycle_of_parents_is_shown_once_and_marked(ana: Client) -> None:
    first, second, third = (make_company(name=name) for name in ("First AG", "Second AG", "Third AG"))
    for parent, child in ((first, second), (second, third), (third, first)):
        relate(parent, child)
    make_scored_trial(third, "0.90000", nct_id="NCT00000003")
    words = text_of(ana.get(f"/companies/{second.cik}/?trials=all"))
    assert "Circular ownership" in words
    assert "circular" in words
    assert words.count("NCT00000003") == 1
    alone = make_company()
    relate(alone, alone)
    assert "Circular ownership" in shown(ana, alone)


def test_companies_that_all_own_each_other_do_not_hold_the_page_up(ana: Client) -> None:
    circle = [make_company() for _ in range(12)]
    for parent in circle:
        for child in circle:
            if parent != child:
                relate(parent, child)
    assert "Only the nearest are shown." in shown(ana, circle[0])


def test_securities_have_a_timeline_and_a_table(ana: Client) -> None:
    company = make_company()
    make_security("OLD", company, date(2010, 1, 4), date(2015, 6, 1), status="delisted")
    make_security("NEW", company, date(2015, 6, 1))
    make_security("WAR", company, date(2019, 1, 1), type="warrant", status="suspended")
    page = ana.get(f"/companies/{company.cik}/")
    words, html = text_of(page), page.content.decode()
    assert "OLD 2010-01-04 2015-05-31 NASDAQ common stock delisted" in words
    assert "NEW 2015-06-01 none yet NASDAQ common stock active" in words
    assert "WAR 2019-01-01 none yet NASDAQ warrant suspended" in words
    assert html.count('class="span') == 3
    # What trades today is filled: one of the three.
    assert html.count('class="span filled"') == 1
    assert "style=" not in html


def test_links_to_unknown_securities_are_shown(ana: Client) -> None:
    company = make_company()
    for identifier in ("FIGI:BBG1", "999999", "12345678901234567890"):
        CompanySecurity.objects.create(company=company, security_id=identifier)
    words = shown(ana, company)
    assert "Links to unknown securities: 12345678901234567890, 999999, FIGI:BBG1" in words


def test_a_security_of_another_issuer_is_shown_as_linked_only(ana: Client) -> None:
    company, security = make_company(), make_security("ABC")
    CompanySecurity.objects.create(company=company, security_id=str(security.pk))
    assert "linked only: another company is its issuer" in shown(ana, company)


def test_trials_come_riskiest_first_with_those_of_subsidiaries(ana: Client) -> None:
    company, child = make_company(name="Alpha Pharma"), make_company(name="Beta Bio")
    relate(company, child)
    soon = timezone.localdate() + timedelta(days=9)
    make_scored_trial(company, "0.40000", nct_id="NCT00000001", est_primary_completion_date=soon)
    make_scored_trial(child, "0.98000", nct_id="NCT00000002")
    make_scored_trial(company, nct_id="NCT00000003")
    make_scored_trial(make_company(), "0.99000", nct_id="NCT00000004")
    page = ana.get(f"/companies/{company.cik}/")
    words = text_of(page)
    # At first, pivotal trials that read out only.
    assert "pivotal, not finished, readout ahead ✕: remove this filter" in words
    assert "Riskiest first: 1 of 3" in words
    assert re.findall(r"data-row href=.*?(NCT\d+)", page.content.decode()) == ["NCT00000001"]
    assert "None of 1 trial is pivotal and reads out." in text_of(ana.get(f"/companies/{child.cik}/"))
    page = ana.get(f"/companies/{company.cik}/?trials=all")
    words = text_of(page)
    table = words[words.index("Riskiest first: 3 of 3") :]
    assert table.index("NCT00000002 Beta Bio") < table.index("NCT00000001 itself") < table.index("NCT00000003 itself")
    assert "NCT00000004" not in words
    assert "97 % and more 1 trial" in words
    assert "25 % to under 50 % 1 trial" in words
    assert "not scored 1 trial" in words
    assert "Next readouts in 9 days NCT00000001 40.0 %" in words
    assert f'href="/trials/?sponsor={company.cik}"' in page.content.decode()
    # The score of NCT00000001 is its prior: hollow in the table and among the readouts.
    assert page.content.decode().count('class="risk is-prior"') == 2


def test_each_bar_of_a_company_without_subsidiaries_leads_to_its_trials(ana: Client) -> None:
    company = make_company()
    make_scored_trial(company, "0.98000")
    assert (
        f'href="/trials/?sponsor={company.cik}&amp;band=97"' in ana.get(f"/companies/{company.cik}/").content.decode()
    )


def test_very_many_trials_are_counted_up_to_a_limit(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signals.companies.risk.PAGE_LIMIT", 2)
    monkeypatch.setattr("signals.companies.risk.SHOWN", 1)
    company = make_company()
    for _ in range(4):
        make_scored_trial(company, "0.98000")
    assert "There are more than 2 trials; what follows is of 2 of them." in shown(ana, company)


def test_documents_of_the_company_and_of_its_trials_are_listed_once(ana: Client) -> None:
    company = make_company()
    trial = make_scored_trial(company, nct_id="NCT00000001")
    about_trial = make_document("NCT00000001: A study of sleep \n more")
    about_company = make_document(" \n Results of the year", source_url="javascript:alert(1)", source_type="PR")
    link_document(about_trial.pk, nct_id=trial.nct_id)
    link_document(about_trial.pk, company=company)
    link_document(about_company.pk, company=company)
    page = ana.get(f"/companies/{company.cik}/")
    words = text_of(page)
    assert words.count("A study of sleep") == 1 + words.count("the original of A study of sleep")
    assert "press release Results of the year ClinicalTrials.gov the company no web address" in words
    assert "javascript:" not in page.content.decode()


@pytest.mark.parametrize("rows", [5, 50])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    ana: Client, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    company = make_company()
    for number in range(rows):
        relate(company, make_company())
        make_security(f"T{number}", company)
        trial = make_scored_trial(company, "0.80000")
        link_document(make_document("Words").pk, nct_id=trial.nct_id)
    ana.get(f"/companies/{company.cik}/")
    # Session, person, two for permissions, company, family, securities, identifiers, trials, names, documents.
    with django_assert_num_queries(11):
        ana.get(f"/companies/{company.cik}/")


@pytest.mark.parametrize("cik", ["0", "5", "99999999999999999999999999"])
def test_an_unknown_company_is_not_found(ana: Client, cik: str) -> None:
    page = ana.get(f"/companies/{cik}/")
    assert page.status_code == 404
    assert "There is no company with the CIK" in text_of(page)


def test_names_cannot_write_into_the_page(ana: Client) -> None:
    company = make_company(name="<script>alert(1)</script>")
    make_security('A"<B>', company)
    html = ana.get(f"/companies/{company.cik}/").content.decode()
    assert "<script>alert" not in html
    assert "<B>" not in html


def test_who_may_not_see_scores_sees_the_company_without_its_trials(client: Client) -> None:
    company = make_company()
    make_scored_trial(company, "0.98000", nct_id="NCT00000001")
    user: User = make_user(None)
    user.user_permissions.add(Permission.objects.get(codename="view_company"))
    client.force_login(user)
    for address in (f"/companies/{company.cik}/", "/companies/"):
        words = text_of(client.get(address))
        assert "Company" in words
        assert "NCT00000001" not in words
        assert "98.0 %" not in words


def test_every_group_may_read_it(client: Client) -> None:
    company = make_company()
    for role in Role:
        client.force_login(make_user(role))
        assert client.get(f"/companies/{company.cik}/").status_code == 200
