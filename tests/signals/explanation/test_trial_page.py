"""Explanation page of a trial: score, steps and signals."""

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from psycopg.types.range import DateRange

from linkaudit.models import TrialAssetLink
from securities.models import CompanyRelationship, CompanySecurity
from signals.models import Gate, Score, SignalEvaluation, Trial
from signals.scoring.table import scoring_table
from tests.admin.rows import DAY, make_security
from tests.factories import (
    POSTED,
    make_asset,
    make_company,
    make_document,
    make_link_audit,
    make_study,
    make_trial,
)
from tests.signals.explanation.rows import (
    LATEST,
    make_gates,
    make_score,
    make_signal,
    make_version,
    metadata,
    numbers,
    registry_record,
)
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db


def test_the_page_shows_the_trial_and_its_score(ana: Client, trial: Trial) -> None:
    make_version(trial, registry_record("A Study of Blefuscinib"))
    make_score(trial, run="weekly 0", scored_at=POSTED)
    make_score(trial, {"G1": "5"})
    words = text_of(ana.get("/trials/NCT00000001/"))
    assert "NCT00000001: A Study of Blefuscinib" in words
    assert "78.4 % 75 % to under 97 %; +36.4 points since the previous run" in words
    assert "weekly 1 latest run" in words
    assert "Example Therapeutics" in words
    assert "Phase 3, pivotal recruiting" in words
    assert "2027-01-14" in words


def test_each_step_is_in_the_table_with_its_ratio_and_where_it_comes_from(ana: Client, trial: Trial) -> None:
    make_gates(trial, {"G1": "5"})
    make_score(trial, {"G1": "5"})
    page = ana.get("/trials/NCT00000001/")
    words = text_of(page)
    assert "Verified: the steps sum to the stored score." in words
    assert "Prior of phase 3 -0.3228 42.0 % scoring table 2026-11" in words
    assert "G1 Alpha-Meltdown 5 +1.6094 78.4 % gate G1 on S1, S2, recorded" in words
    html = page.content.decode()
    assert 'href="#gate-g1"' in html
    assert 'href="#signal-s1"' in html
    assert 'id="signal-s1"' in html
    assert "style=" not in html


def test_bars_are_as_wide_as_their_numbers(ana: Client, trial: Trial) -> None:
    make_score(trial, {"G1": "5", "G2": "3"})
    html = ana.get("/trials/NCT00000001/").content.decode()
    widths = [float(width) for width in re.findall(r'<rect class="gate up" [^>]*width="([\d.]+)%"', html)]
    assert widths[0] / widths[1] == pytest.approx(1.6094 / 1.0986, rel=0.01)


def test_where_nothing_fired_the_prior_is_all(ana: Client, trial: Trial) -> None:
    make_score(trial)
    assert "No gate fired: the score is the prior of phase 3 (42.0 %)." in text_of(ana.get("/trials/NCT00000001/"))


def test_a_stop_rule_is_shown_with_its_description(ana: Client, trial: Trial) -> None:
    rule = {"rule": "endpoint_switched", "description": "the primary endpoint was switched", "p_fail_at_least": 0.97}
    make_score(
        trial, {"G1": "5"}, **numbers("0.42", "5", floor="0.97"), metadata=metadata({"G1": "5"}, stop_rules=[rule])
    )
    words = text_of(ana.get("/trials/NCT00000001/"))
    assert "Stop rule +2.1894 97.0 % endpoint switched" in words
    assert "Verified: the steps sum to the stored score." in words
    assert "endpoint switched: the primary endpoint was switched (at least 97.0 %)" in words


def test_a_stop_rule_alone_is_shown_beside_the_prior(ana: Client, trial: Trial) -> None:
    rule = {"rule": "endpoint_switched", "description": "the primary endpoint was switched", "p_fail_at_least": 0.97}
    make_score(trial, **numbers("0.42", floor="0.97"), metadata=metadata(stop_rules=[rule]))
    words = text_of(ana.get("/trials/NCT00000001/"))
    assert "No gate fired; a stop rule raises the prior of phase 3 (42.0 %)." in words


def test_numbers_that_do_not_add_up_are_reported(ana: Client, trial: Trial) -> None:
    make_score(trial, {"G1": "3.5"}, **{**numbers("0.42", "3.5"), "sum_log_lr": "1.5"})
    words = text_of(ana.get("/trials/NCT00000001/"))
    assert "The steps do not sum to the stored score." in words
    assert "add up to +1.2528, the stored sum is +1.5000: +0.2472 is not explained." in words
    assert "The steps add up" not in words


def test_a_score_without_metadata_is_held_against_the_gates_of_today(ana: Client, trial: Trial) -> None:
    make_gates(trial, {"G1": "5"})
    make_score(trial, {"G1": "5"}, metadata={})
    words = text_of(ana.get("/trials/NCT00000001/"))
    assert "The run recorded no gates; the gates that fire today explain the score." in words
    assert "The run recorded no signals; these are current." in words
    Gate.objects.filter(g_id="G1").update(fired_bool=False, lr_used=None)
    words = text_of(ana.get("/trials/NCT00000001/"))
    assert "The run recorded no gates. Those that fire today add up to +0.0000" in words


def test_an_old_run_is_explained_from_its_record(ana: Client, trial: Trial) -> None:
    make_score(trial, {"G1": "5"}, run="weekly 0", scored_at=POSTED)
    make_score(trial, {"G2": "3"}, run="weekly 1")
    make_gates(trial, {"G2": "3"}, run="weekly 1")
    make_signal(trial, "S3")
    words = text_of(ana.get("/trials/NCT00000001/?run=weekly+0"))
    assert "weekly 0 an older run; see the latest" in words
    assert "G1 Alpha-Meltdown ● fired needs S1 and S2 S1, S2 5" in words
    assert "G2 Analysis-Gaming ○ did not fire" in words
    # The current gates are not those of the run.
    g2 = words.split("G2 Analysis-Gaming")[1].split("G3")[0]
    assert "for this reason" not in g2
    assert "S3 and S4" in g2.split("did not fire:")[1]
    assert "Fired after this run." in words
    assert "Signal since deleted." in words


def test_a_signal_after_the_freeze_did_not_count(ana: Client, trial: Trial) -> None:
    make_signal(trial, "S8", evidence_span="p = 0.049")
    make_score(trial, metadata=metadata(late=["S8"]), features_frozen_at=POSTED)
    words = text_of(ana.get("/trials/NCT00000001/"))
    assert "S8 p-value on the cusp ◔ fired too late severity high" in words
    assert "p = 0.049 Fired after the feature freeze; not counted." in words
    assert "frozen since 2024-03-01" in words


def test_signals_show_why_they_did_not_fire_or_were_not_evaluated(ana: Client, trial: Trial) -> None:
    for code, outcome, reason in (("S7", "not fired", "it is randomized"), ("S9", "not evaluated", "no results yet")):
        _evaluate(trial, code, outcome, reason)
    make_score(trial, scored_at=timezone.now() + timedelta(seconds=1))
    words = text_of(ana.get("/trials/NCT00000001/"))
    assert "○ did not fire it is randomized evaluated just now by rules 1" in words
    assert "not evaluated no results yet checked just now by rules 1" in words
    assert "not evaluated Not evaluated." in words


def test_evaluations_after_a_run_are_not_shown_as_its_input(ana: Client, trial: Trial) -> None:
    _evaluate(trial, "S7", "not fired", "it was randomized then", POSTED - timedelta(days=1))
    make_score(trial, scored_at=POSTED, metadata=metadata(not_fired=["S7"], not_evaluated=["S4", "S9"]))
    _evaluate(trial, "S7", "not evaluated", "the design is gone", POSTED)
    _evaluate(trial, "S9", "not fired", "both agree", POSTED)
    words = text_of(ana.get("/trials/NCT00000001/"))
    assert "○ did not fire it was randomized then evaluated" in words
    s9 = words.split("S9 overall")[1].split("Gates")[0]
    assert "not evaluated Evaluated after this run: not fired." in s9
    assert "by rules 1" not in s9
    for after in ("the design is gone", "both agree"):
        assert after not in words


def test_a_run_without_signals_is_shown_with_current_evaluations(ana: Client, trial: Trial) -> None:
    make_score(trial, scored_at=POSTED, metadata={})
    _evaluate(trial, "S9", "not fired", "both agree", POSTED + timedelta(days=9))
    assert "did not fire both agree evaluated" in text_of(ana.get("/trials/NCT00000001/"))


def test_a_gate_that_did_not_fire_names_the_signal_that_was_not_evaluated(ana: Client, trial: Trial) -> None:
    make_score(trial, metadata=metadata(signals={"S1": "H"}, not_fired=["S3"], late=["S4"], not_evaluated=["S2", "S8"]))
    words = text_of(ana.get("/trials/NCT00000001/"))
    g1, g2 = words.split("G1 Alpha-Meltdown")[1], words.split("G2 Analysis-Gaming")[1]
    assert "S1 fired" in g1.split("G2")[0]
    assert "S2 was not evaluated" in g1.split("G2")[0]
    assert "S3 did not fire" in g2.split("G3")[0]


def test_the_table_of_a_run_is_distinguished_from_the_current_one(ana: Client, trial: Trial) -> None:
    today = scoring_table().version
    make_score(trial, metadata=metadata(table_version="2020-01"))
    words = text_of(ana.get("/trials/NCT00000001/"))
    assert f"Scoring table 2020-01 Today's table is {today}; its priors and ratios can differ" in words
    Score.objects.update(metadata=metadata(table_version=today))
    words = text_of(ana.get("/trials/NCT00000001/"))
    assert f"Scoring table {today}: the table Stop rules" in words
    assert "The table of today" not in words


def test_a_signal_leads_to_its_study_card_and_document(ana: Client, trial: Trial) -> None:
    document = make_document("text", source_url="https://example.com/release")
    study = make_study(trial=trial)
    make_signal(trial, "S1", source_study=study, metadata={"doc_id": document.pk, "page_no": 3})
    make_score(trial, {"G1": "5"})
    html = ana.get("/trials/NCT00000001/").content.decode()
    assert f'href="/studies/{study.pk}/"' in html
    assert f'<a href="/admin/storage/document/{document.pk}/change/">Document {document.pk}, page 3</a>' in html
    assert 'href="https://example.com/release"' in html


def test_a_signal_of_the_registry_leads_to_the_versions_that_it_was_read_from(ana: Client, trial: Trial) -> None:
    versions = [make_version(trial, registry_record(endpoint=str(day)), day).pk for day in range(3)]
    make_signal(trial, "S1", metadata={"trial_version_ids": versions[:2]})
    make_score(trial, {"G1": "5"})
    address = f"/trials/NCT00000001/record/?from={versions[0]}&to={versions[1]}"
    assert f'href="{address.replace("&", "&amp;")}"' in ana.get("/trials/NCT00000001/").content.decode()
    assert "<del>0</del>" in ana.get(address).content.decode()


@pytest.mark.parametrize("address", ["javascript:alert(1)", "ftp://example.com/x", "http://"])
def test_only_addresses_of_the_web_are_links(ana: Client, trial: Trial, address: str) -> None:
    document = make_document("text", source_url=address)
    make_signal(trial, "S1", metadata={"doc_id": document.pk})
    make_score(trial, {"G1": "5"})
    assert f'href="{address}' not in ana.get("/trials/NCT00000001/").content.decode()


def test_the_history_has_each_run_with_its_change(ana: Client, trial: Trial) -> None:
    make_score(trial, run="weekly 0", scored_at=POSTED)
    make_score(trial, {"G1": "5"}, run="weekly & 1")
    page = ana.get("/trials/NCT00000001/")
    assert "weekly & 1 current 78.4 % +36.4 points" in text_of(page)
    assert "weekly 0 42.0 % no previous run" in text_of(page)
    assert 'href="?run=weekly+%26+1"' in page.content.decode()


def test_more_runs_than_are_shown_keep_the_one_that_is_asked_for(
    ana: Client, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signals.explanation.trial_facts.MOST_RUNS", 2)
    for number in range(5):
        make_score(trial, run=f"weekly {number}", scored_at=LATEST.replace(day=1 + number))
    words = text_of(ana.get("/trials/NCT00000001/?run=weekly+0"))
    assert "weekly 0 current" in words
    assert "weekly 1 42.0 %" not in words


def test_the_companies_exposed_are_the_sponsor_its_parent_and_its_children(ana: Client) -> None:
    parent, child = make_company(name="Parent Inc."), make_company(name="Child Inc.")
    security = make_security(ticker="OWN", ticker_norm="OWN")
    sponsor = security.company
    linked = make_security(ticker="A/B", ticker_norm="A/B")
    CompanySecurity.objects.create(company=parent, security_id=str(linked.pk))
    make_security(
        company=sponsor, ticker="OLD", ticker_norm="OLD", status="delisted", effective_range=DateRange(DAY, None)
    )
    CompanyRelationship.objects.create(parent_company=parent, child_company=sponsor, rel_type="subsidiary")
    CompanyRelationship.objects.create(parent_company=sponsor, child_company=child, rel_type="subsidiary")
    make_trial(nct_id="NCT00000002", sponsor_company=sponsor)
    page = ana.get("/trials/NCT00000002/")
    words = text_of(page)
    assert f"{sponsor.name} sponsor OWN Parent Inc. at the top of the sponsor's group A/B" in words
    assert "Child Inc. subsidiary of the sponsor none active" in words
    assert f'href="/companies/{sponsor.cik}/"' in page.content.decode()
    assert 'href="/tickers/OWN/"' in page.content.decode()
    assert "OLD" not in words


def test_a_parent_below_the_top_is_exposed_too(ana: Client) -> None:
    top, middle, sponsor = (make_company(name=f"{name} Inc.") for name in ("Top", "Middle", "Sponsor"))
    for above, below in ((top, middle), (middle, sponsor)):
        CompanyRelationship.objects.create(parent_company=above, child_company=below, rel_type="subsidiary")
    listed = make_security(ticker="MID", ticker_norm="MID")
    CompanySecurity.objects.create(company=middle, security_id=str(listed.pk))
    make_trial(nct_id="NCT00000002", sponsor_company=sponsor)
    words = text_of(ana.get("/trials/NCT00000002/"))
    assert "Top Inc. at the top of the sponsor's group none active Middle Inc. parent of the sponsor MID" in words
    assert words.count("Middle Inc.") == words.count("Top Inc.") == 1


def test_a_sponsor_without_company_is_answer(ana: Client, trial: Trial) -> None:
    page = ana.get("/trials/NCT00000001/")
    assert "No company is resolved for the sponsor “Example Therapeutics”" in text_of(page)
    assert 'href="/sponsors/?q=NCT00000001"' in page.content.decode()


def test_links_under_review_and_promoted_drugs_are_counted(ana: Client, trial: Trial) -> None:
    make_link_audit(nct_id="NCT00000001", asset=make_asset("Blefuscinib"))
    make_link_audit(nct_id="NCT00000001", asset=make_asset("Lagadopine"), label=True)
    make_link_audit(nct_id="NCT00000001", asset=make_asset("Colossyx"), label=False)
    TrialAssetLink.objects.create(trial=trial, asset=make_asset("Tinyvra"), how="HP-1", confidence=1, link_source="x")
    page = ana.get("/trials/NCT00000001/")
    html, words = page.content.decode(), text_of(page)
    # A drug whose link is labeled wrong does not belong to this trial.
    assert "HP-2 Blefuscinib, Lagadopine 1 1 1" in words
    assert "Tinyvra (HP-1)" in words
    assert 'href="/links/?q=NCT00000001&amp;label=any"' in html
    for label in ("open", "right", "wrong"):
        address = f"/links/?q=NCT00000001&heuristic=HP-2&label={label}"
        assert f'<a href="{address.replace("&", "&amp;")}">1</a>' in html
        assert len(ana.get(address).context["page"].rows) == 1


def test_more_drugs_than_there_is_room_for_are_counted(
    ana: Client, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signals.explanation.trial_facts.MOST_DRUGS", 2)
    for number in range(5):
        make_link_audit(nct_id="NCT00000001", asset=make_asset(f"Drug {number}"))
    make_link_audit(nct_id="NCT00000001", heuristic_applied=None, label=False)
    words = text_of(ana.get("/trials/NCT00000001/"))
    assert "HP-2 Drug 0, Drug 1 and 3 more 5 0 0" in words
    assert "none named none 0 0 1" in words


def test_a_trial_without_score_names_the_command_that_scores_it(ana: Client, trial: Trial) -> None:
    words = text_of(ana.get("/trials/NCT00000001/"))
    assert "not scored" in words
    assert "manage.py score_trials --run-id RUN scores it." in words
    assert "NCT00000001: Psoriasis" in words


@pytest.mark.parametrize(
    ("phase", "reason"),
    [
        ("NA", "Its phase, no phase, has no prior in the scoring table."),
        (None, "Its phase is unknown, so it has no prior."),
    ],
)
def test_a_trial_that_no_run_scores_is_not_sent_to_the_command(ana: Client, phase: str | None, reason: str) -> None:
    make_trial(nct_id="NCT00000002", phase=phase)
    words = text_of(ana.get("/trials/NCT00000002/"))
    assert reason in words
    assert "manage.py score_trials" not in words


def test_a_gate_that_was_not_evaluated_is_not_shown_as_not_fired(ana: Client, trial: Trial) -> None:
    assert text_of(ana.get("/trials/NCT00000001/")).count("not evaluated needs S") == 4
    make_score(trial)
    words = text_of(ana.get("/trials/NCT00000001/"))
    assert words.count("○ did not fire needs S") == 4
    # Neither the run nor the current gates have it: unknown.
    Score.objects.update(metadata={})
    assert text_of(ana.get("/trials/NCT00000001/")).count("not evaluated needs S") == 4


def test_the_number_of_signals_not_evaluated_is_shown_beside_the_score(ana: Client, trial: Trial) -> None:
    every = [f"S{number}" for number in range(1, 10)]
    make_score(trial, metadata=metadata(not_fired=every[:1], not_evaluated=every[1:]))
    words = text_of(ana.get("/trials/NCT00000001/"))
    assert "8 of the 9 signals were not evaluated." in words
    Score.objects.update(metadata=metadata(not_fired=every, not_evaluated=[]))
    assert "not evaluated" not in text_of(ana.get("/trials/NCT00000001/")).split("Signals")[0]


def _evaluate(trial: Trial, code: str, outcome: str, reason: str, at: datetime | None = None) -> None:
    SignalEvaluation.objects.create(
        trial=trial,
        s_id=code,
        outcome=outcome,
        reason=reason,
        evaluated_by="rules 1",
        evaluated_at=at or timezone.now(),
    )
