"""What the demonstration tells, whatever the day on which it is loaded."""

import re
from datetime import date, timedelta
from itertools import pairwise

import pytest

from ncfd_site.demonstration.catalogue.companies import FIRST_CIK, MAKERS
from ncfd_site.demonstration.plan.calendar import Calendar, frozen_at, moment
from ncfd_site.demonstration.plan.claims import NEAR, claims_of, places
from ncfd_site.demonstration.plan.labels import REVIEWED
from ncfd_site.demonstration.plan.listings import listings
from ncfd_site.demonstration.plan.publications import publications
from ncfd_site.demonstration.plan.records import versions_of
from ncfd_site.demonstration.plan.risk import releases_of, signals_of
from ncfd_site.demonstration.plan.trials import planned_trials

days = pytest.mark.parametrize("today", [date(2026, 11, 22), date(2028, 2, 29), date(2027, 1, 1)], ids=str)


@days
def test_the_same_day_gives_the_same(today: date) -> None:
    first, second = (publications(planned_trials(Calendar(today)), Calendar(today)) for _ in range(2))
    assert [(one.source_url, one.content) for one in first] == [(one.source_url, one.content) for one in second]


@days
def test_nothing_is_from_the_future(today: date) -> None:
    calendar = Calendar(today)
    trials = planned_trials(calendar)
    published = publications(trials, calendar)
    assert max(one.published for one in published) < today
    assert max(signal.fired_at for signal in signals_of(trials, releases_of(published), calendar)) < moment(today)
    assert max(calendar.runs().values()) < moment(today)
    for place, trial in enumerate(trials):
        assert trial.first_posted < today
        versions = versions_of(trial, place, calendar)
        assert versions[-1].posted < today
        assert [version.posted for version in versions] == sorted(version.posted for version in versions)
        assert trial.first_posted <= versions[0].posted
        assert all(moment(version.posted) < calendar.load(version.load) for version in versions)


@days
def test_signals_fire_before_features_freeze(today: date) -> None:
    calendar = Calendar(today)
    trials = planned_trials(calendar)
    for signal in signals_of(trials, releases_of(publications(trials, calendar)), calendar):
        assert signal.fired_at < frozen_at(signal.trial.readout), (signal.trial.nct_id, signal.code)


def test_every_signal_gate_and_stop_rule_is_told_of() -> None:
    trials = planned_trials(Calendar(date(2026, 11, 22)))
    assert {code for trial in trials for code in trial.signals} == {f"S{number}" for number in range(1, 10)}
    assert {severity for trial in trials for severity in trial.signals.values()} == {"H", "M", "L"}
    assert len({trial.stop_rule for trial in trials} - {""}) == 3
    assert len({trial.nct_id for trial in trials}) == len(trials) >= 60
    for trial in trials:
        assert trial.published or not (trial.signals or trial.stop_rule), "what was found is in a publication"
        assert "S2" not in trial.signals or trial.is_pivotal
        assert "S1" not in trial.signals or trial.change == "endpoint"
        assert trial.stop_rule != "open_label_subjective" or trial.condition.is_subjective


def test_nothing_can_be_taken_for_real() -> None:
    calendar = Calendar(date(2026, 11, 22))
    trials = planned_trials(calendar)
    assert all(re.fullmatch(r"NCT99\d{6}", trial.nct_id) for trial in trials)
    assert all(maker.cik >= FIRST_CIK for maker in MAKERS.values())
    assert all(listing.ticker.startswith("ZQ") for listing in listings(calendar))
    for one in publications(trials, calendar):
        assert re.match(r"https://[a-z-]+\.example/", one.source_url)
        assert "invented for a demonstration" in one.pages[-1]


def test_ranges_of_one_ticker_do_not_overlap_and_one_moved() -> None:
    by_ticker: dict[str, list[tuple[date, date, str]]] = {}
    for listing in listings(Calendar(date(2026, 11, 22))):
        until = listing.until or date.max
        by_ticker.setdefault(listing.ticker, []).append((listing.since, until, listing.company))
    for ranges in by_ticker.values():
        ranges.sort()
        assert all(one[1] <= other[0] for one, other in pairwise(ranges))
    assert any(len({company for _, _, company in ranges}) > 1 for ranges in by_ticker.values())


def test_the_heuristics_claim_by_their_rules() -> None:
    calendar = Calendar(date(2026, 11, 22))
    claims = claims_of(publications(planned_trials(calendar), calendar))
    for claim in claims:
        pages, quote = claim.publication.pages, claim.evidence["quote"]
        if claim.heuristic == "HP-1":
            assert claim.evidence["distance"] <= NEAR
            assert claim.nct_id in quote
            assert claim.evidence["matched_alias"].lower() in quote.lower()
        elif claim.heuristic == "HP-3":
            assert claim.publication.source_type in ("PR", "IR")
            assert next(places(pages, claim.drug.code), None)
            assert next(places(pages, claim.drug.inn), None)
        else:
            assert claim.publication.source_type == "Abstract"
            assert quote == claim.publication.title
            assert claim.drug.title in quote
            assert claim.evidence["in_body"] in pages[0][len(quote) :]
    for heuristic, (right, wrong) in REVIEWED.items():
        made = [claim for claim in claims if claim.heuristic == heuristic]
        if made:
            assert sum(claim.is_true for claim in made) > right
            assert sum(not claim.is_true for claim in made) > wrong


def test_a_change_of_the_record_comes_after_its_first_version() -> None:
    calendar = Calendar(date(2026, 11, 22))
    for place, trial in enumerate(planned_trials(calendar)):
        versions = versions_of(trial, place, calendar)
        assert len(versions) == (2 if trial.change else 1)
        if trial.change:
            assert versions[1].load > versions[0].load
            assert versions[1].posted - versions[0].posted > timedelta(days=2)
            protocols = [version.record["protocolSection"] for version in versions]
            outcomes = [protocol["outcomesModule"] for protocol in protocols]
            assert (outcomes[0] != outcomes[1]) == (trial.change == "endpoint")
