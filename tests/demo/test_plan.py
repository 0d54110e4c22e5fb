"""The plan of the demonstration, independent of the day of the load."""

import re
from collections import Counter
from datetime import date, timedelta

import pytest

from ncfd_site.demo.catalog import COMPANIES, Calendar, moment, plan_trials
from ncfd_site.demo.claims import NEAR, build_claims, find_spans
from ncfd_site.demo.publications import Publication, build_publications
from ncfd_site.demo.registry import build_versions
from ncfd_site.demo.risk import build_signals, select_releases
from ncfd_site.demo.templates import read_toml
from securities.loading.names import normalize_company_name
from signals.scoring.table import scoring_table
from tests.demo.days import TODAY

days = pytest.mark.parametrize("today", [TODAY, date(2028, 2, 29), date(2027, 1, 1)], ids=str)


def published(calendar: Calendar) -> list[Publication]:
    return build_publications(plan_trials(calendar), calendar)


@days
def test_one_day_gives_the_same_documents(today: date) -> None:
    first, second = (published(Calendar(today)) for _ in range(2))
    assert [(one.source_url, one.content) for one in first] == [(one.source_url, one.content) for one in second]


@days
def test_nothing_is_in_the_future(today: date) -> None:
    calendar = Calendar(today)
    documents = published(calendar)
    assert max(one.published for one in documents) < today
    for release in select_releases(documents):
        assert all(signal["at"] < moment(today) for signal in build_signals(release, calendar))
    assert max(calendar.runs().values()) < moment(today)
    for trial in plan_trials(calendar):
        assert trial.first_posted < today
        versions = build_versions(trial, calendar)
        assert versions[-1].posted < today
        assert [version.posted for version in versions] == sorted(version.posted for version in versions)
        assert trial.first_posted <= versions[0].posted
        assert all(moment(version.posted) < calendar.load(version.load) for version in versions)


@days
def test_signals_fire_before_features_freeze(today: date) -> None:
    calendar = Calendar(today)
    freeze = timedelta(days=scoring_table().freeze_days)
    for release in select_releases(published(calendar)):
        for signal in build_signals(release, calendar):
            assert signal["at"] < moment(release.trial.readout - freeze), (release.trial.acronym, signal["code"])


def test_trials_have_every_signal_severity_and_stop_rule() -> None:
    trials = plan_trials(Calendar(TODAY))
    assert {code for trial in trials for code in trial.signals} == {f"S{number}" for number in range(1, 10)}
    assert {severity for trial in trials for severity in trial.signals.values()} == {"H", "M", "L"}
    assert len({trial.stop_rule for trial in trials} - {""}) == 3
    assert len({trial.nct_id for trial in trials}) == len(trials) >= 60
    for trial in trials:
        assert trial.published or not (trial.signals or trial.stop_rule), "signals need a publication"
        assert "S2" not in trial.signals or "PHASE3" in trial.phase
        assert "S1" not in trial.signals or trial.change == "endpoint"
        assert trial.stop_rule != "open_label_subjective" or trial.condition.is_subjective


def test_nothing_can_be_taken_for_real() -> None:
    calendar = Calendar(TODAY)
    assert all(re.fullmatch(r"NCT99\d{6}", trial.nct_id) for trial in plan_trials(calendar))
    # No company files under a CIK of this range yet.
    assert all(int(company.cik) > 9_900_000_000 for company in COMPANIES.values())
    assert all(company.domain.endswith(".example") for company in COMPANIES.values())
    for one in published(calendar):
        assert re.match(r"https://[a-z-]+\.example/", one.source_url)
        assert "invented for a demonstration" in one.pages[-1]


def test_names_are_normalized_as_the_loaders_do_it() -> None:
    for company in COMPANIES.values():
        assert company.name_norm == normalize_company_name(company.name)
        assert company.short_norm == normalize_company_name(company.short)
    for alias in read_toml("fixed")["company_aliases"]:
        assert alias["alias_norm"] in (normalize_company_name(alias["alias"]), alias["alias"])


def test_links_follow_the_rules_of_the_heuristics() -> None:
    for claim in build_claims(published(Calendar(TODAY))):
        pages, quote = claim.publication.pages, claim.evidence["quote"]
        if claim.heuristic == "HP-1":
            assert claim.evidence["distance"] <= NEAR
            assert claim.trial.nct_id in quote
            assert claim.evidence["matched_alias"].lower() in quote.lower()
        elif claim.heuristic == "HP-3":
            assert claim.publication.source_type in ("PR", "IR")
            assert next(find_spans(pages, claim.drug.code), None)
            assert next(find_spans(pages, claim.drug.inn), None)
        else:
            assert claim.publication.source_type == "Abstract"
            assert quote == claim.publication.title
            assert claim.drug.title in quote
            assert claim.evidence["in_body"] in pages[0][len(quote) :]


@pytest.mark.parametrize("month", range(1, 13))
def test_each_day_has_enough_right_and_wrong_links_to_label(month: int) -> None:
    # The words of a date change the distances in a text.
    calendar = Calendar(date(2027, month, 28))
    counts = Counter(
        (claim.heuristic, claim.drug in claim.trial.drugs)
        for claim in build_claims(published(calendar))
        if moment(claim.publication.published, 21) < calendar.at(-9, 8)
    )
    for plan in read_toml("fixed")["labels"]:
        if plan["heuristic"] in ("HP-1", "HP-3"):
            assert counts[plan["heuristic"], True] > plan["right"]
            assert counts[plan["heuristic"], False] >= plan["wrong"]


def test_a_change_of_a_record_comes_after_its_first_version() -> None:
    calendar = Calendar(TODAY)
    for trial in plan_trials(calendar):
        versions = build_versions(trial, calendar)
        assert len(versions) == (2 if trial.change else 1)
        if trial.change:
            assert versions[1].load > versions[0].load
            assert versions[1].posted - versions[0].posted > timedelta(days=2)
            outcomes = [version.record["protocolSection"]["outcomesModule"] for version in versions]
            assert (outcomes[0] != outcomes[1]) == (trial.change == "endpoint")
