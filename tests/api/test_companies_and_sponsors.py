"""API of companies with their exposure, and of unresolved sponsors."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from securities.models import CompanyAlias, CompanyRelationship, ResolverDecision, ReviewQueueItem, Security
from tests.api.rows import make_listed_company, make_score
from tests.factories import make_company, make_document, make_trial
from tests.signals.companies.listed import link_document

pytestmark = pytest.mark.django_db


def read(program: Client, address: str) -> Any:
    answer = program.get(f"/api/v1/{address}")
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.parametrize("query", ["q=acme", "q=ME+BIO", "q=4711", "q=zqa", "q=old+name", "q=ZQA&listed=now"])
def test_company_search_matches_the_page(ana: Client, query: str) -> None:
    company = make_listed_company("ZQA", name="Acme Bio Inc.", cik=4711)
    CompanyAlias.objects.create(company=company, alias="Old Name", alias_norm="old name", alias_type="former_name")
    make_listed_company("ZQB", name="Other Corp.", cik=47110)
    assert [one["name"] for one in read(ana, f"companies?{query}")["items"]] == ["Acme Bio Inc."]
    browser = Client()
    browser.force_login(User.objects.get(username="ana"))
    page = browser.get(f"/companies/?{query}").content.decode()
    assert ("Acme Bio Inc." in page, "Other Corp." in page) == (True, False)


@pytest.mark.parametrize("query", ["q=%25", "q=_", "q=%F0%9F%92%8A", "q=0", "q=%20%20&exchange=x", "exchange=nasdaq"])
def test_search_without_matches_returns_an_empty_list(ana: Client, query: str) -> None:
    make_listed_company("ZQA", name="Acme Bio Inc.")
    assert read(ana, f"companies?{query}")["items"] == []


def test_exchange_filters_by_active_securities(ana: Client) -> None:
    make_listed_company("ZQA", name="Trades")
    former = make_listed_company("ZQB", name="Former")
    Security.objects.filter(company=former).update(effective_range=("2020-01-01", "2024-01-01"))
    gone = make_listed_company("ZQC", name="Gone")
    Security.objects.filter(company=gone).update(status="delisted")
    make_company(name="Never")
    for query in ("listed=now", "exchange=NASDAQ"):
        assert [one["name"] for one in read(ana, f"companies?{query}")["items"]] == ["Trades"]


def test_company_has_exposure_with_subsidiaries(ana: Client) -> None:
    parent, child = make_listed_company("ZQP"), make_listed_company("ZQC")
    CompanyRelationship.objects.create(parent_company=parent, child_company=child, rel_type="subsidiary")
    soon = timezone.now().date() + timedelta(days=9)
    own, below = make_trial(sponsor_company=parent, est_primary_completion_date=soon), make_trial(sponsor_company=child)
    make_score(own, "0.20000")
    make_score(below, "0.98000")
    make_trial(sponsor_company=child)
    exposure = read(ana, f"companies/{parent.cik}")["exposure"]
    assert (exposure["trials"], exposure["has_more"]) == (3, False)
    assert exposure["bands"] == {"97": 1, "75": 0, "50": 0, "25": 0, "0": 1, "none": 1}
    assert [one["nct_id"] for one in exposure["riskiest"]][:2] == [below.nct_id, own.nct_id]
    assert [(one["nct_id"], one["next_readout"]) for one in exposure["next_readouts"]] == [
        (own.nct_id, soon.isoformat())
    ]


def test_company_has_documents(ana: Client) -> None:
    company = make_listed_company("ZQP")
    trial = make_trial(sponsor_company=company)
    about_it, about_trial = make_document("Acme reports"), make_document("A trial ends")
    link_document(about_it.pk, company=company)
    link_document(about_trial.pk, nct_id=trial.nct_id)
    found = {one["doc_id"]: one["nct_id"] for one in read(ana, f"companies/{company.cik}")["documents"]}
    assert found == {about_it.pk: None, about_trial.pk: trial.nct_id}


def test_first_day_from_a_list_is_marked(ana: Client) -> None:
    company = make_listed_company("ZQX")
    assert read(ana, "tickers/ZQX")["items"][0]["is_first_seen"] is False
    Security.objects.filter(company=company).update(metadata={"source": "sec"})
    assert read(ana, "tickers/ZQX")["items"][0]["is_first_seen"] is True


def test_queue_search_matches_the_page(ana: Client) -> None:
    for number, sponsor in enumerate(["Acme Ltd", "Other Ltd"]):
        ReviewQueueItem.objects.create(run_id="r", nct_id=f"NCT0000000{number}", sponsor_text=sponsor)
    for query in ("q=acme", "q=nct00000000", "nct_id=NCT00000000"):
        assert [one["sponsor_text"] for one in read(ana, f"sponsors?{query}")["items"]] == ["Acme Ltd"]


def test_sponsor_has_decisions_of_any_run(ana: Client) -> None:
    names = {"nct_id": "NCT01234567", "sponsor_text": "Acme", "sponsor_text_norm": "acme"}
    item = ReviewQueueItem.objects.create(run_id="first", **names)
    ResolverDecision.objects.create(run_id="first", match_type="none", **names)
    company = make_company(name="Acme Inc.")
    ResolverDecision.objects.create(run_id="later", match_type="exact", company=company, decided_by="human", **names)
    other = {**names, "sponsor_text": "Another", "sponsor_text_norm": "another"}
    ResolverDecision.objects.create(run_id="first", match_type="none", **other)
    decisions = read(ana, f"sponsors/{item.pk}")["decisions"]
    assert [(one["run_id"], one["company"]) for one in decisions] == [("later", "Acme Inc."), ("first", None)]
    assert [one["sponsor_text"] for one in read(ana, "sponsor-decisions?company=none")["items"]] == ["Another", "Acme"]
    assert [one["cik"] for one in read(ana, "sponsor-decisions?company=any")["items"]] == [company.cik]
    assert len(read(ana, "sponsor-decisions?q=acm")["items"]) == 2


def test_unresolved_sponsors_have_their_risk(ana: Client) -> None:
    trial = make_trial(sponsor_text="University of Nowhere", sponsor_company=None)
    make_score(trial, "0.90000")
    make_trial(sponsor_text="Acme", sponsor_company=make_company())
    (found,) = read(ana, "unresolved-sponsors")["items"]
    assert (found["sponsor"], found["trials"], found["p_fail"]) == ("University of Nowhere", 1, 0.9)
    assert found["nct_id"] == trial.nct_id
    assert found["ignored"]
    assert read(ana, "unresolved-sponsors?q=acme")["items"] == []


@pytest.mark.parametrize(
    "address",
    ["companies/4711", "companies?q=zqa&listed=now", "sponsors?q=x", "sponsor-decisions", "unresolved-sponsors"],
)
def test_query_count_is_independent_of_row_count(
    ana: Client, django_assert_max_num_queries: DjangoAssertNumQueries, address: str
) -> None:
    def more(number: int) -> None:
        child = make_listed_company(f"ZQ{number}", name=f"zqa {number}")
        CompanyRelationship.objects.create(parent_company=company, child_company=child, rel_type="subsidiary")
        trial = make_trial(sponsor_company=child, sponsor_text=f"x {number}")
        make_score(trial, "0.30000")
        make_trial(sponsor_text=f"x {number}")
        link_document(make_document("text").pk, nct_id=trial.nct_id)
        names = {"run_id": "r", "nct_id": trial.nct_id, "sponsor_text": "x", "sponsor_text_norm": "x"}
        ReviewQueueItem.objects.create(**names)
        ResolverDecision.objects.create(match_type="exact", company=child, **names)

    company = make_listed_company("ZQA", name="zqa", cik=4711)
    more(0)
    read(ana, "freshness")
    with django_assert_max_num_queries(12) as few:
        read(ana, address)
    for number in range(1, 5):
        more(number)
    with django_assert_max_num_queries(len(few.captured_queries)):
        read(ana, address)
