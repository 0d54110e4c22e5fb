"""Unresolved sponsors: what waits for a person, what the resolver decided and why, and who is left."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from securities.models import (
    Company,
    ResolverDecision,
    ResolverFeature,
    ResolverIgnoredSponsor,
    ResolverLLMLog,
    ReviewQueueItem,
)
from tests.factories import make_company
from tests.signals.companies.listed import make_scored_trial
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db

KEY = {"run_id": "r1", "nct_id": "NCT00000001", "sponsor_text_norm": "example"}


def make_item(**fields: Any) -> ReviewQueueItem:
    return ReviewQueueItem.objects.create(
        **{**KEY, "sponsor_text": "Example Ltd", "reason": "two candidates", **fields}
    )


def make_decision(**fields: Any) -> ResolverDecision:
    return ResolverDecision.objects.create(**{**KEY, "sponsor_text": "Example Ltd", "match_type": "none", **fields})


def compare(company: Company, p: float, **features: Any) -> None:
    ResolverFeature.objects.create(company=company, p_calibrated=p, features_jsonb=features, **KEY)


def test_an_item_shows_sponsor_reason_and_candidates(ana: Client) -> None:
    alpha, beta = make_company(name="Alpha AG", cik=1001), make_company(name="Beta AG")
    item = make_item(
        candidates=[
            {"company_id": alpha.pk, "name": "Alpha", "p": 0.91},
            {"company_id": beta.pk, "name": "Beta", "p": 0.22},
        ]
    )
    compare(alpha, 0.91, shared_words=0.5, same_country=True)
    compare(beta, 0.22, shared_words=0.125)
    decision = make_decision(p_match=0.91, top2_margin=0.69)
    page = ana.get("/sponsors/")
    words, html = text_of(page), page.content.decode()
    assert "Example Ltd in NCT00000001 pending" in words
    assert "two candidates" in words
    assert "automatically: no company, nothing matched, best match 91.0 %, 0.69 above the second." in words
    assert "Alpha AG 91.0 % yes 0.5 Beta AG 22.0 % not compared 0.125" in words
    for address in (
        "/companies/1001/",
        "/trials/NCT00000001/",
        f"/admin/securities/reviewqueueitem/{item.pk}/change/",
        f"/admin/securities/resolverdecision/{decision.pk}/change/",
    ):
        assert f'href="{address}"' in html
    assert "they are resolved in the resolver's own tool" in words
    assert 'method="post" action="/sponsors' not in html


def test_the_latest_decision_counts_with_who_made_it_and_the_note(ana: Client) -> None:
    company = make_company(name="Alpha AG")
    make_item(status="resolved")
    make_decision()
    make_decision(
        run_id="r2", company=company, match_type="exact_name", decided_by="human", notes_md="Seen <b>there</b>."
    )
    ResolverLLMLog.objects.create(
        run_id="r1", nct_id="NCT00000001", sponsor_text="Example Ltd", candidates=[], prompt="Which?",
        decision_mode="review", confidence=Decimal("0.780"),
    )  # fmt: skip
    words = text_of(ana.get("/sponsors/"))
    assert "by a reviewer: it is Alpha AG, exact name." in words
    assert "Note: Seen <b>there</b>." in words
    assert "A language model was asked: for review, 78.0 % sure." in words
    assert "No candidates." in words


@pytest.mark.parametrize(
    "candidates", [{}, "x", 7, [None, 1, "Name"], [{"company_id": "x", "p": "high"}], [{"company_id": 10**12}], [[]]]
)
def test_candidates_in_another_form_do_not_break_the_page(ana: Client, candidates: Any) -> None:
    make_item(candidates=candidates)
    assert "Example Ltd" in text_of(ana.get("/sponsors/"))


def test_the_queue_is_filtered_by_status_sponsor_and_number(ana: Client) -> None:
    make_item(sponsor_text="Waiting Ltd")
    make_item(sponsor_text="Closed Ltd", status="resolved", nct_id="NCT00000002")
    for query, found, left in (
        ("status=pending", "Waiting", "Closed"),
        ("status=resolved", "Closed", "Waiting"),
        ("q=closed", "Closed", "Waiting"),
        ("q=nct00000001", "Waiting", "Closed"),
    ):
        words = text_of(ana.get(f"/sponsors/?{query}"))
        assert f"{found} Ltd" in words, query
        assert f"{left} Ltd" not in words, query
    assert "Nothing in the queue matches this filter" in text_of(ana.get("/sponsors/?status=skipped"))


def test_decisions_for_no_company_outside_the_queue_are_shown(ana: Client) -> None:
    make_decision(sponsor_text="Nowhere Ltd", nct_id="NCT00000005")
    make_decision(sponsor_text="Known Ltd", nct_id="NCT00000006", company=make_company())
    make_item(sponsor_text="Queued Ltd")
    make_decision(sponsor_text="Queued Ltd")
    words = text_of(ana.get("/sponsors/"))
    below = words[words.index("Decided: no company") :]
    assert "Nowhere Ltd" in below
    assert "Known Ltd" not in words
    assert "Queued Ltd" not in below


def test_sponsors_of_trials_without_company_are_listed_riskiest_first(ana: Client) -> None:
    make_scored_trial(None, "0.60000", sponsor_text="Small Biotech", nct_id="NCT00000001")
    make_scored_trial(None, "0.20000", sponsor_text="Small Biotech")
    make_scored_trial(None, "0.80000", sponsor_text="University of Nowhere", nct_id="NCT00000002")
    make_scored_trial(make_company(), "0.90000", sponsor_text="Alpha AG")
    make_scored_trial(None, sponsor_text=None)
    page = ana.get("/sponsors/")
    words = text_of(page)
    assert "University of Nowhere 1 80.0 % NCT00000002 Academic sponsors Small Biotech 2 60.0 % NCT00000001 no" in words
    assert "Alpha AG" not in words
    assert 'href="/trials/?sponsor=Small+Biotech"' in page.content.decode()


def test_sponsors_are_found_by_their_words_and_by_number(ana: Client) -> None:
    make_scored_trial(None, sponsor_text="Small Biotech", nct_id="NCT00000001")
    make_scored_trial(None, sponsor_text="Great Biotech", nct_id="NCT00000002")
    for query in ("biotech small", "NCT00000001", "nct00000001"):
        words = text_of(ana.get("/sponsors/", {"q": query}))
        assert "Small Biotech 1 not scored NCT00000001" in words, query
        assert "Great Biotech" not in words, query


@pytest.mark.django_db(transaction=True)
def test_a_pattern_that_is_no_expression_hides_no_sponsor(ana: Client) -> None:
    ResolverIgnoredSponsor.objects.create(pattern="(")
    make_scored_trial(None, sponsor_text="Small Biotech")
    assert "Small Biotech 1 not scored" in text_of(ana.get("/sponsors/"))


def test_an_empty_page_names_the_command_that_fills_it(ana: Client) -> None:
    words = text_of(ana.get("/sponsors/"))
    assert "The queue is empty. The sponsor resolver" in words
    assert "manage.py load_ctgov" in words
    assert "Go to the first page" in text_of(ana.get("/sponsors/?page=3"))


@pytest.mark.parametrize("query", ["status=x", "page=0", "page=x", "q=%00", "q=" + "a" * 10_000])
def test_an_invalid_filter_shows_an_error_and_lists_nothing(ana: Client, query: str) -> None:
    make_item()
    page = ana.get(f"/sponsors/?{query}")
    assert page.status_code == 400
    assert "Invalid filter" in text_of(page)
    assert "Example Ltd" not in text_of(page)


@pytest.mark.parametrize("query", ["%", "'", "&|!", "( )", "\\", "a:* <-> b"])
def test_signs_that_mean_something_elsewhere_are_letters_here(ana: Client, query: str) -> None:
    assert ana.get("/sponsors/", {"q": query}).status_code == 200


@pytest.mark.parametrize("rows", [5, 50])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    ana: Client, django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    for number in range(rows):
        key = {"nct_id": f"NCT{number:08}"}
        company = make_company()
        make_item(**key, candidates=[{"company_id": company.pk, "p": 0.5}])
        make_decision(**key)
        make_decision(nct_id=f"NCT9{number:07}")
        ResolverFeature.objects.create(**{**KEY, **key}, company=company, p_calibrated=0.5, features_jsonb={"a": 1})
        make_scored_trial(None, sponsor_text=f"Sponsor {number}")
    ana.get("/sponsors/")
    # Session, person, two for permissions, queue, decisions for none, decisions, comparisons, questions, companies,
    # sponsors of trials.
    with django_assert_num_queries(11):
        ana.get("/sponsors/")


def test_pages_of_the_queue_lead_to_each_other(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("securities.queries.sponsor_queue.PAGE_SIZE", 1)
    for number in range(3):
        make_item(nct_id=f"NCT0000000{number}", sponsor_text=f"Sponsor {number}")
    page = ana.get("/sponsors/?page=2&q=sponsor")
    assert "Sponsor 1" in text_of(page)
    assert 'href="?page=3&amp;q=sponsor"' in page.content.decode()
    assert 'href="?page=1&amp;q=sponsor"' in page.content.decode()
