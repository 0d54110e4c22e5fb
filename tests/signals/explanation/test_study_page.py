"""A study card as fields, with what it lacks and what rests on it."""

from typing import Any

import pytest
from django.test import Client

from ncfd_site.core import sql
from signals.models import Study
from tests.factories import make_document, make_study, make_trial, make_user
from tests.signals.explanation.rows import make_signal
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db
CARD = {
    "sample_size": {"total_n": 257},
    "results": {"primary": [{"endpoint": "Overall survival", "p_value": 0.049}]},
}


def card_of(study: Study, client: Client) -> Any:
    return client.get(f"/studies/{study.pk}/")


def test_a_card_is_drawn_as_fields_with_its_p_value(ana: Client) -> None:
    document = make_document("text", source_url="https://example.com/paper")
    card = {**CARD, "source": {"doc_id": document.pk, "quote": "p = 0.049"}}
    study = make_study(
        trial=make_trial(nct_id="NCT00000001", is_pivotal=False), extracted_jsonb=card, url="https://example.com/x"
    )
    page = card_of(study, ana)
    words = text_of(page)
    assert "Paper of 2024 on NCT00000001" in words
    assert "first primary result 0.049" in words
    assert "Endpoint Overall survival" in words
    html = page.content.decode()
    for address in (
        "/trials/NCT00000001/",
        "/trials/NCT00000001/record/",
        f"/admin/storage/document/{document.pk}/change/",
        "https://example.com/paper",
        "https://example.com/x",
    ):
        assert f'href="{address}"' in html


def test_what_the_card_of_a_pivotal_trial_lacks_is_named(ana: Client) -> None:
    study = make_study(trial=make_trial(is_pivotal=True), extracted_jsonb=CARD)
    words = text_of(card_of(study, ana))
    assert "pivotal_validation" in words
    assert "primary_endpoints" in words


def test_signals_that_rest_on_it_have_their_quotes(ana: Client) -> None:
    study = make_study()
    make_signal(study.trial, "S8", source_study=study, value="0.049000", evidence_span="p was 0.049")
    make_signal(study.trial, "S1")
    words = text_of(card_of(study, ana))
    assert "S8 p-value on the cusp high 0.049 p was 0.049" in words
    assert "the words of S1" not in words


@pytest.mark.parametrize("card", [None, [], "text", 3, {}, {"source": {"doc_id": "x"}}, {"source": {"doc_id": 10**30}}])
def test_a_card_of_any_form_is_shown(ana: Client, card: Any) -> None:
    study = make_study(extracted_jsonb=card)
    assert card_of(study, ana).status_code == 200


def test_markup_and_other_schemes_in_a_card_are_text(ana: Client) -> None:
    evil = "<script>alert(1)</script>"
    study = make_study(
        extracted_jsonb={evil: evil, "link": "javascript:alert(1)"},
        url="javascript:alert(1)",
        citation=evil,
        notes_md=evil,
    )
    html = card_of(study, ana).content.decode()
    assert evil not in html
    assert 'href="javascript' not in html


def test_a_card_nested_without_end_is_shown_raw(ana: Client) -> None:
    study = make_study()
    for deep in ('{"a":' * 2000 + "1" + "}" * 2000, "[" * 90 + "]" * 90, "1" * 5000):
        sql.execute("UPDATE studies SET extracted_jsonb = %s::jsonb WHERE study_id = %s", [deep, study.pk])
        page = card_of(study, ana)
        assert page.status_code == 200
        assert "to be drawn as fields" in text_of(page)


def test_a_card_of_a_megabyte_is_cut(ana: Client) -> None:
    page = card_of(make_study(extracted_jsonb={"text": "x" * 1_000_000}), ana)
    assert "too long to be drawn as fields" in text_of(page)
    assert len(page.content) < 300_000


@pytest.mark.parametrize("number", ["0", "999999999", "9" * 19, "9" * 60])
def test_an_unknown_study_is_not_found(ana: Client, number: str) -> None:
    missing = ana.get(f"/studies/{number}/")
    assert missing.status_code == 404
    assert "There is no study" in text_of(missing)


def test_the_page_costs_seven_queries(ana: Client, django_assert_num_queries: Any) -> None:
    study = make_study(trial=make_trial(is_pivotal=True), extracted_jsonb=CARD)
    for code in ("S1", "S2", "S3"):
        make_signal(study.trial, code, source_study=study)
    card_of(study, ana)
    # Session, person, two for permissions, study, what it lacks, signals.
    with django_assert_num_queries(7):
        card_of(study, ana)


def test_it_needs_its_permission(client: Client) -> None:
    client.force_login(make_user(None))
    assert card_of(make_study(), client).status_code == 403
