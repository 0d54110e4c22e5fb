"""The registry record of a trial: its versions, and two of them beside each other."""

from typing import Any

import pytest
from django.test import Client

from ncfd_site.core import sql
from signals.models import RegistryHistoryVersion, Trial
from tests.admin.rows import DAY
from tests.factories import make_trial, make_user
from tests.signals.explanation.rows import make_version, registry_record
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db
ADDRESS = "/trials/NCT00000001/record/"


@pytest.fixture
def trial() -> Trial:
    return make_trial(nct_id="NCT00000001")


def test_two_versions_stand_beside_each_other_with_their_words_marked(ana: Client, trial: Trial) -> None:
    make_version(trial, registry_record())
    make_version(trial, registry_record(endpoint="Progression-free survival", enrollmentInfo={"count": 268}), 30)
    page = ana.get(ADDRESS)
    html = page.content.decode()
    assert "What changed from 2024-03-01 to 2024-03-31" in text_of(page)
    assert "Measure: <del>Overall</del> survival; Time frame: 36 months" in html
    assert "Measure: <ins>Progression-free</ins> survival; Time frame: 36 months" in html
    assert "<del>482</del>" in html
    assert html.index("Primary endpoint") < html.index("Sample size") < html.index("Not changed")
    assert "Titles and numbers: 2 fields" in text_of(page)


def test_added_and_removed_fields_are_shown(ana: Client, trial: Trial) -> None:
    make_version(trial, registry_record())
    make_version(trial, registry_record(studyType="INTERVENTIONAL"), 1)
    words = text_of(ana.get(ADDRESS))
    assert "Design Study type 2024-03-01 not in this version 2024-03-02 INTERVENTIONAL" in words


def test_fields_that_the_registry_computes_are_no_change(ana: Client, trial: Trial) -> None:
    make_version(trial, registry_record())
    make_version(trial, {**registry_record(), "derivedSection": {"other": 1}}, 1)
    assert "The sponsor changed nothing." in text_of(ana.get(ADDRESS))


def test_any_two_versions_can_be_chosen_in_either_order(ana: Client, trial: Trial) -> None:
    first = make_version(trial, registry_record(endpoint="One"))
    make_version(trial, registry_record(endpoint="Two"), 1)
    third = make_version(trial, registry_record(endpoint="Three"), 2)
    for query in (f"from={first.pk}&to={third.pk}", f"from={third.pk}&to={first.pk}"):
        html = ana.get(f"{ADDRESS}?{query}").content.decode()
        assert "<del>One</del>" in html
        assert "<ins>Three</ins>" in html
    assert "<del>Two</del>" in ana.get(ADDRESS).content.decode()
    assert "Both versions are the same." in text_of(ana.get(f"{ADDRESS}?from={first.pk}&to={first.pk}"))


@pytest.mark.parametrize("query", ["from=x", "to=999999999999999999999", "from=%00", "from=-1&to=3"])
def test_an_unknown_version_shows_an_error(ana: Client, trial: Trial, query: str) -> None:
    for day in range(2):
        make_version(trial, registry_record(), day)
    page = ana.get(f"{ADDRESS}?{query}")
    assert page.status_code == 400
    assert "This trial has no version" in text_of(page)
    assert "Versions" in text_of(page)


def test_versions_of_other_trials_are_not_shown(ana: Client, trial: Trial) -> None:
    other = make_version(make_trial(), registry_record())
    for day in range(2):
        make_version(trial, registry_record(), day)
    assert ana.get(f"{ADDRESS}?from={other.pk}").status_code == 400


def test_the_list_describes_the_changes(ana: Client, trial: Trial) -> None:
    make_version(trial, registry_record(), sample_size=482)
    changed = [
        "protocolSection.outcomesModule.primaryOutcomes",
        "protocolSection.statusModule.lastUpdatePostDateStruct.date",
    ]
    second = make_version(
        trial,
        registry_record(endpoint="Other"),
        30,
        sample_size=268,
        sample_size_delta=-214,
        changed_primary_endpoint=True,
        changed_sample_size=True,
        changes_jsonb=[{"field": name} for name in changed],
    )
    page = ana.get(ADDRESS)
    assert "primary endpoint, dates and status 268 (-214) primary endpoint, sample size" in text_of(page)
    assert f"&amp;to={second.pk}" in page.content.decode()


@pytest.mark.parametrize("changes", [{"status": 1}, [3, None, {"field": 5}], "text", 3, []])
def test_changes_of_any_form_can_be_listed(ana: Client, trial: Trial, changes: Any) -> None:
    for day in range(2):
        make_version(trial, registry_record(), day, changes_jsonb=changes)
    assert ana.get(ADDRESS).status_code == 200


def test_one_version_alone_is_shown_as_fields(ana: Client, trial: Trial) -> None:
    make_version(trial, registry_record())
    words = text_of(ana.get(ADDRESS))
    assert "One version, captured" in words
    assert "Brief title A Study of Blefuscinib" in words
    # What matters most comes first, in the words of the page that compares.
    assert words.index("Primary endpoint: 1 field") < words.index("Titles and numbers:") < words.index("Raw JSON")
    assert "protocolSection" in words.split("Raw JSON")[1]


def test_one_version_without_a_field_is_shown(ana: Client, trial: Trial) -> None:
    version = make_version(trial, registry_record())
    sql.execute("UPDATE trial_versions SET raw_jsonb = '{}' WHERE trial_version_id = %s", [version.pk])
    page = ana.get(ADDRESS)
    assert page.status_code == 200
    assert "Raw JSON {}" in text_of(page)


def test_without_versions_the_page_names_the_command_that_captures_one(ana: Client, trial: Trial) -> None:
    assert "manage.py load_ctgov PATH" in text_of(ana.get(ADDRESS))


def test_the_list_of_the_registry_links_to_addresses_of_the_web_alone(ana: Client, trial: Trial) -> None:
    for rank, url in ((1, "https://clinicaltrials.gov/v/1"), (2, "javascript:alert(1)"), (3, None)):
        RegistryHistoryVersion.objects.create(trial=trial, version_rank=rank, submitted_date=DAY, url=url)
    html = ana.get(ADDRESS).content.decode()
    assert 'href="https://clinicaltrials.gov/v/1"' in html
    assert 'href="javascript' not in html


def test_markup_in_a_record_is_shown_as_text(ana: Client, trial: Trial) -> None:
    evil = "<script>alert(1)</script>"
    make_version(trial, registry_record(evil, evil))
    make_version(trial, {**registry_record(evil * 2), evil: {evil: [evil]}}, 1)
    html = ana.get(ADDRESS).content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html


def test_a_record_nested_too_deep_is_shown_raw(ana: Client, trial: Trial) -> None:
    make_version(trial, registry_record())
    deep = make_version(trial, {}, 1)
    sql.execute(
        "UPDATE trial_versions SET raw_jsonb = %s::jsonb WHERE trial_version_id = %s",
        ["[" * 3000 + "]" * 3000, deep.pk],
    )
    assert "nested too deep" in text_of(ana.get(ADDRESS))


def test_a_record_of_a_megabyte_is_compared_in_time(ana: Client, trial: Trial) -> None:
    for day in range(2):
        words = " ".join(f"word{number * (day + 2)}" for number in range(100_000))
        make_version(trial, {**registry_record(), "resultsSection": {"a": words, "b": words[:15_000]}}, day)
    assert len(ana.get(ADDRESS).content) < 400_000


def test_the_page_costs_eight_queries(ana: Client, trial: Trial, django_assert_num_queries: Any) -> None:
    for day in range(5):
        make_version(trial, registry_record(), day)
    ana.get(ADDRESS)
    # Session, person, two for permissions, trial, versions, history, two records.
    with django_assert_num_queries(8):
        ana.get(ADDRESS)


def test_it_needs_its_permission(client: Client, trial: Trial) -> None:
    client.force_login(make_user(None))
    assert client.get(ADDRESS).status_code == 403
