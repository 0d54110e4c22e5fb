"""The list of what failed its validation, each beside its card and what that lacks."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ncfd_site.core.roles import Role
from signals.models import StagingError, Study
from signals.validation_errors import queries as staging
from tests.factories import make_study, make_trial, make_user
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db

WHOLE: dict[str, Any] = {
    "primary_endpoints": ["PFS"],
    "sample_size": {"total_n": 120},
    "populations": {"analysis_primary_on": "ITT"},
    "results": {"primary": [{"p_value": "<0.05"}]},
}


@pytest.fixture
def ana(client: Client) -> Client:
    """The browser of an analyst."""
    client.force_login(make_user(Role.ANALYST))
    return client


def make_card(card: Any) -> Study:
    """Make a study of a pivotal trial with this card."""
    return make_study(trial=make_trial(), extracted_jsonb=card)


def without(*names: str, **others: Any) -> dict[str, Any]:
    """A whole card without some of its fields, and others changed."""
    return {name: value for name, value in {**WHOLE, **others}.items() if name not in names}


def test_an_incomplete_card_is_shown_beside_what_it_lacks(ana: Client) -> None:
    study = make_card(without("primary_endpoints", sample_size={"note": "several hundred"}))
    page = ana.get("/errors/")
    words = text_of(page)
    assert f"Study {study.pk}" in words
    assert "primary_endpoints ⚠ still missing" in words
    assert "sample_size.total_n ⚠ still missing" in words
    assert "populations.analysis_primary_on" not in words.partition("Card at that time")[0]
    assert "Open" in words
    assert "Unchanged since." in words
    assert "several hundred" in words
    assert f'href="/studies/{study.pk}/"' in page.content.decode()
    assert f'href="/trials/{study.trial.nct_id}/"' in page.content.decode()


def test_in_a_long_list_too_each_card_is_open_beside_what_it_lacks(ana: Client) -> None:
    for _ in range(6):
        make_card(without("results"))
    page = ana.get("/errors/").content.decode()
    assert page.count("<details open>") == page.count('class="error-card" tabindex="0"') == 6


def test_an_error_repaired_since_is_fixed(ana: Client) -> None:
    study = make_card(without("populations"))
    Study.objects.filter(pk=study.pk).update(extracted_jsonb=WHOLE)
    words = text_of(ana.get("/errors/"))
    assert "✓ Fixed" in words
    assert "populations.analysis_primary_on ✓ present today" in words
    assert "Changed since." in words


def test_an_error_without_a_study_is_neither_open_nor_fixed(ana: Client) -> None:
    StagingError.objects.create(trial=make_trial(), error_type="odd_dates", error_message="ends before it begins")
    words = text_of(ana.get("/errors/"))
    assert "ends before it begins" in words
    assert "Unknown" in words
    assert "No card was recorded with this error." in words


def test_errors_are_filtered_by_kind_trial_and_study(ana: Client) -> None:
    study = make_card(without("results"))
    other = make_trial()
    StagingError.objects.create(trial=other, error_type="odd_dates", error_message="of the other")
    for query in ("kind=odd_dates", f"trial={other.nct_id.lower()}"):
        words = text_of(ana.get(f"/errors/?{query}"))
        assert "of the other" in words
        assert f"Study {study.pk}" not in words
    words = text_of(ana.get(f"/errors/?study={study.pk}"))
    assert f"Study {study.pk}" in words
    assert "of the other" not in words


def test_the_newest_comes_first_and_pages_follow(ana: Client) -> None:
    trial = make_trial()
    for number in range(staging.PAGE_SIZE + 1):
        StagingError.objects.create(trial=trial, error_type="test", error_message=f"complaint {number} of many")
    first, second = ana.get("/errors/"), ana.get("/errors/?page=2")
    assert f"complaint {staging.PAGE_SIZE} of many" in text_of(first)
    assert "complaint 0 of many" not in text_of(first)
    assert "?page=2" in first.content.decode()
    assert "complaint 0 of many" in text_of(second)


def test_empty_list_shows_the_reason(ana: Client) -> None:
    assert "No validation errors." in text_of(ana.get("/errors/"))
    assert "No errors match this filter." in text_of(ana.get("/errors/?kind=other"))
    assert "There is no page 7." in text_of(ana.get("/errors/?page=7"))


UNREADABLE = (
    "page=x", "page=0", "page=99999999999", "study=abc", "study=-1", f"study={2**63}", "trial=NCT1", "trial=%00",
    "kind=%00", f"kind={'k' * 10_000}",
)  # fmt: skip


@pytest.mark.parametrize("query", UNREADABLE)
def test_an_invalid_filter_shows_an_error(ana: Client, query: str) -> None:
    page = ana.get(f"/errors/?{query}")
    assert page.status_code == 400
    assert "Invalid filter" in text_of(page)


def test_markup_in_a_card_is_text(ana: Client) -> None:
    make_card({"<script>alert(1)</script>": "<b>bold</b>", "deep": [[[[[[[[1]]]]]]]]})
    page = ana.get("/errors/").content.decode()
    assert "<script>alert" not in page
    assert "<b>bold" not in page


def test_the_number_of_queries_does_not_grow(ana: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for _ in range(3):
        make_card(without("results"))
    ana.get("/errors/")
    # Session, person, two for permissions, the kinds, the page with its trials and studies.
    with django_assert_num_queries(6):
        ana.get("/errors/")


def test_a_user_without_group_may_not(client: Client) -> None:
    client.force_login(make_user(None))
    assert client.get("/errors/").status_code == 403


CARDS: list[Any] = [
    WHOLE,
    {},
    [],
    "text",
    7,
    without("primary_endpoints"),
    without(primary_endpoints=[]),
    without(primary_endpoints="PFS"),
    without(primary_endpoints=[None]),
    without(sample_size=120),
    without(sample_size={"total_n": "842 participants"}),
    without(sample_size={"total_n": "several"}),
    without(sample_size={"total_n": True}),
    without(sample_size={"total_n": None}),
    without(sample_size={"total_n": 1e30}),
    without(sample_size={"total_n": [5]}),
    without(populations={"analysis_primary_on": " "}),
    without(populations={"analysis_primary_on": 0}),
    without(populations={"analysis_primary_on": False}),
    without(populations={"analysis_primary_on": {}}),
    without(populations=["ITT"]),
    without(results={"primary": []}),
    without(results={"primary": {"p_value": 0.1}}),
    without(results={"primary": [None, 3, "x", {"p_value": None}]}),
    without(results={"primary": [{"effect_size": 3}]}),
    without(results={"primary": [{"effect_size": {"value": 0}}]}),
    without(results={"primary": [{}, {"effect_size": {"value": " "}, "p_value": ""}, {"p_value": 0}]}),
    without(results=[{"primary": [{"p_value": 0.1}]}]),
]


@pytest.mark.parametrize("card", CARDS, ids=range(len(CARDS)))
def test_the_missing_fields_of_a_card_are_those_of_the_database(card: Any) -> None:
    study = make_card(card)
    errors = StagingError.objects.filter(study=study)
    named = {field.name for error in errors for field in staging.describe_error(error).missing}
    assert staging.find_missing_fields(study.extracted_jsonb) == named
