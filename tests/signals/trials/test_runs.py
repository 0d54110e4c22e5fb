"""Lists of one run, and two runs side by side."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ncfd_site.core import sql
from signals.models import Trial
from signals.trials.runs import list_latest_runs
from tests.factories import make_company, make_trial
from tests.signals.trials.conftest import (
    BEFORE,
    LATEST,
    MOMENTS,
    fire_gate,
    list_ticker,
    score,
    scored_trial,
)
from tests.signals.trials.test_list import listed
from tests.web.reading import text_of

pytestmark = pytest.mark.django_db

ONE, TWO, THREE, FOUR = (f"NCT0000000{number}" for number in range(1, 5))


def gates(**ratios: float) -> dict[str, Any]:
    """Return the metadata of a run with fired gates."""
    return {"gates": {code: {"lr_used": ratio, "supporting_S_ids": []} for code, ratio in ratios.items()}}


@pytest.fixture
def moved() -> list[Trial]:
    """Four trials: one that rose, one that fell, one that is the same, and one that is new in the latest run."""
    trials = [make_trial(nct_id=nct_id) for nct_id in (ONE, TWO, THREE, FOUR)]
    one, two, three, four = trials
    score(one, "0.5", BEFORE, metadata=gates(G2=2) | {"table_version": "2026-10"})
    score(
        one,
        "0.98",
        metadata=gates(G1=5, G2=3)
        | {"table_version": "2026-11", "signals": {"S2": "L", "S1": "H", "S3": "odd"}}
        | {"stop_rules": [{"rule": "endpoint_switched", "description": "…", "p_fail_at_least": 0.97}]},
    )
    score(two, "0.8", BEFORE, prior_pi="0.6", metadata=gates(G4=2))
    score(two, "0.3", prior_pi="0.42", metadata=gates())
    score(three, "0.4", BEFORE)
    score(three, "0.4")
    score(four, "0.6", metadata=gates())
    return trials


def compared(client: Client, query: str = "") -> list[str]:
    """The numbers of the trials of a comparison, from top to bottom."""
    page = client.get(f"/trials/compare/{query}")
    assert page.status_code == 200, text_of(page)
    return [row.trial.nct_id for row in page.context["page"].rows]


def test_runs_are_known_by_the_moment_of_their_scores_newest_first() -> None:
    trial = make_trial()
    for run_id in ("week-46", LATEST, BEFORE):
        score(trial, "0.5", run_id)
    score(trial, "0.5", "backtest", scored_at=MOMENTS["week-46"] - timedelta(days=400))
    assert [run.run_id for run in list_latest_runs()] == [LATEST, BEFORE, "week-46", "backtest"]
    assert list_latest_runs()[0].scored_at == MOMENTS[LATEST]


def test_the_latest_run_is_that_of_the_newest_score_of_all() -> None:
    for number in range(30):
        score(make_trial(), f"0.{99 - number}", "slow")
    score(make_trial(), "0.5", LATEST)
    score(make_trial(), "0.01", "slow", scored_at=MOMENTS[LATEST] + timedelta(days=1))
    assert [run.run_id for run in list_latest_runs()] == ["slow", LATEST]


def test_an_older_run_is_shown_as_it_was(ana: Client, moved: list[Trial]) -> None:
    score(moved[0], "0.45", "week-46")
    fire_gate(moved[0], "G3")
    page = ana.get(f"/trials/?run={BEFORE}")
    words = text_of(page)
    assert [row.trial.nct_id for row in page.context["page"].rows] == [TWO, ONE, THREE]
    assert f"Trials by risk in run {BEFORE}" in words
    assert "G2 none 50.0 % ▲ rose by +5.0 points" in words
    assert "G4 none 80.0 % new" in words
    assert '<span class="badge gate" title="G3' not in page.content.decode()
    assert f'href="/trials/{ONE}/?run={BEFORE}"' in page.content.decode()
    assert f"run {BEFORE} ✕: remove this filter" in words


def test_what_a_run_wrote_down_is_listed_and_filtered(ana: Client, moved: list[Trial]) -> None:
    assert "G1 G2 stop: endpoint switched S1 H high S2 L low 98.0 %" in text_of(ana.get(f"/trials/?run={LATEST}"))
    assert listed(ana, f"?run={LATEST}&gate=G1") == [ONE]
    assert listed(ana, f"?run={LATEST}&gate=any") == [ONE]
    assert listed(ana, f"?run={LATEST}&signal=S2") == [ONE]
    assert listed(ana, f"?run={LATEST}&signal=S9") == []
    assert listed(ana, f"?run={LATEST}&band=50") == [FOUR]
    assert listed(ana, f"?run={LATEST}&sort=-risk") == [TWO, THREE, FOUR, ONE]


@pytest.mark.parametrize("metadata", [{"gates": 7, "signals": [1]}, {"gates": {"G1": {"lr_used": "x"}}}, [], "text", 5])
def test_a_run_that_wrote_something_else_is_listed_without(ana: Client, metadata: Any) -> None:
    trial = make_trial(nct_id=ONE)
    score(trial, "0.5", metadata=metadata)
    score(trial, "0.5", BEFORE, metadata=metadata)
    assert listed(ana, f"?run={LATEST}") == [ONE]
    assert compared(ana) == [ONE]


def test_one_run_is_not_in_the_order_of_change(ana: Client, moved: list[Trial]) -> None:
    page = ana.get(f"/trials/?run={LATEST}&sort=change")
    assert page.status_code == 400
    assert "cannot be sorted by change" in text_of(page)


def test_the_list_leads_to_the_comparison(ana: Client, moved: list[Trial]) -> None:
    page = ana.get("/trials/?phase=PHASE3&sort=number").content.decode()
    assert f'href="/trials/compare/?a={BEFORE}&amp;b={LATEST}"' in page


def test_the_latest_run_is_compared_with_the_one_before_it(ana: Client, moved: list[Trial]) -> None:
    page = ana.get("/trials/compare/")
    words = text_of(page)
    assert f"From {BEFORE} to {LATEST}" in words
    assert compared(ana) == [ONE, FOUR, THREE, TWO]
    assert (
        f"{ONE} Example Therapeutics Phase 3 50.0 % 98.0 % ▲ rose by +48.0 points +G1 gained G2 G1 fired; "
        "G2 ratio 2 became 3; stop rule endpoint switched holds; table 2026-10 became 2026-11" in words
    )
    assert (
        f"{TWO} Example Therapeutics Phase 3 80.0 % 30.0 % ▼ fell by -50.0 points -G4 lost G4 cleared; "
        "prior 60.0 % became 42.0 %" in words
    )
    assert f"{THREE} Example Therapeutics Phase 3 40.0 % 40.0 % 0.0 no change not recorded nothing changed" in words
    assert f"{FOUR} Example Therapeutics Phase 3 not scored 60.0 % new none not in {BEFORE}" in words


def test_gates_that_a_run_did_not_write_down_neither_came_nor_went(ana: Client) -> None:
    trial = make_trial(nct_id=ONE)
    score(trial, "0.5", BEFORE, metadata={"stop_rules": []})
    score(trial, "0.7", metadata=gates(G1=5))
    page = ana.get("/trials/compare/")
    words = text_of(page)
    assert f"not recorded gates not compared: {BEFORE} recorded none" in words
    assert "G1 fired" not in words
    assert "gained" not in words


def test_a_very_large_ratio_is_shown_in_powers_of_ten(ana: Client) -> None:
    trial = make_trial()
    for run_id, p_fail, ratio in ((BEFORE, "0.5", 2.0), (LATEST, "0.6", "1E+999999")):
        score(trial, p_fail, run_id, metadata={"gates": {"G1": {"lr_used": ratio}}})
    page = ana.get("/trials/compare/")
    assert "G1 ratio 2 became 1.000E+999999" in text_of(page)
    assert len(page.content) < 100_000


def test_one_record_that_cannot_be_read_takes_no_other_trial_with_it(ana: Client) -> None:
    for number, unreadable in ((ONE, "[" * 3000 + "]" * 3000), (TWO, "9" * 5000)):
        trial = make_trial(nct_id=number)
        score(trial, "0.5", BEFORE, metadata=gates(G1=5))
        stored = score(trial, "0.6")
        sql.execute(
            "UPDATE scores SET metadata = %s::jsonb WHERE score_id = %s", [f'{{"gates": {unreadable}}}', stored.pk]
        )
    score(make_trial(nct_id=THREE), "0.4", metadata=gates(G2=3))
    assert listed(ana) == [ONE, TWO, THREE]
    page = ana.get(f"/trials/?run={LATEST}")
    assert [row.trial.nct_id for row in page.context["page"].rows] == [ONE, TWO, THREE]
    assert "G2" in text_of(page)
    words = text_of(ana.get("/trials/compare/"))
    assert f"gates not compared: {LATEST} recorded none" in words
    assert "cleared" not in words


def test_a_row_shows_the_exposed_company(ana: Client) -> None:
    company = make_company(name="Brobdingnag Biologics Corp.")
    list_ticker(company, "ZQBRB")
    trial = make_trial(nct_id=ONE, sponsor_company=company)
    score(trial, "0.5", BEFORE)
    score(trial, "0.6")
    assert f"{ONE} Brobdingnag Biologics Corp. ZQBRB Phase 3" in text_of(ana.get("/trials/compare/"))


def test_trials_that_left_the_second_run_are_named(
    ana: Client, moved: list[Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert f"not in {LATEST}" not in text_of(ana.get("/trials/compare/"))
    for number, p_fail in ((5, "0.2"), (6, "0.99"), (7, "0.7")):
        score(make_trial(nct_id=f"NCT0000000{number}"), p_fail, BEFORE)
    page = ana.get("/trials/compare/")
    summary = (
        f"3 of the trials of {BEFORE} are not in {LATEST}: NCT00000006 (99.0 %), NCT00000007 (70.0 %), NCT00000005"
    )
    assert summary in text_of(page)
    assert f'href="/trials/NCT00000006/?run={BEFORE}"' in page.content.decode()
    monkeypatch.setattr("signals.trials.comparison.MAX_REMOVED", 1)
    assert f"not in {LATEST}: NCT00000006 (99.0 %), and 2 more." in text_of(ana.get("/trials/compare/"))
    # The riskiest of them are NCT00000006 and TWO; only the first left.
    monkeypatch.setattr("signals.trials.comparison.DRAWN", 2)
    cut = f"Of the 2 trials with the highest P(failure) in {BEFORE}, 1 is not in {LATEST}: NCT00000006"
    assert cut in text_of(ana.get("/trials/compare/"))


def test_a_run_compared_with_itself_is_reported(ana: Client, moved: list[Trial]) -> None:
    words = text_of(ana.get(f"/trials/compare/?a={BEFORE}&b={BEFORE}"))
    assert "Both runs are the same, so nothing changed." in words
    assert "the same run twice" not in text_of(ana.get("/trials/compare/"))


def test_an_unexplained_change_is_reported(ana: Client) -> None:
    trial = make_trial()
    score(trial, "0.5", BEFORE)
    score(trial, "0.6")
    assert "not explained by the recorded data" in text_of(ana.get("/trials/compare/"))


def test_the_order_of_change_of_the_latest_run_comes_from_current_scores(
    ana: Client, moved: list[Trial], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(12) as queries:
        assert compared(ana, "?sort=change") == [ONE, THREE, TWO]
    assert not any("JOIN scores earlier" in query["sql"] and "OFFSET" in query["sql"] for query in queries)
    assert compared(ana, "?sort=-change") == [TWO, THREE, ONE]
    assert compared(ana, "?sort=change&gate=G1") == [ONE]
    assert compared(ana, "?sort=change&phase=PHASE1") == []
    assert "read whole" not in text_of(ana.get("/trials/compare/?sort=change"))


def test_two_other_runs_are_read_whole_for_the_order_of_change_with_a_note(ana: Client, moved: list[Trial]) -> None:
    score(moved[2], "0.9", "week-46")
    score(moved[3], "0.1", "week-46")
    query = f"?a=week-46&b={LATEST}"
    assert compared(ana, f"{query}&sort=change") == [FOUR, THREE]
    assert compared(ana, f"{query}&sort=-change") == [THREE, FOUR]
    assert compared(ana, f"{query}&sort=change&gate=G1") == []
    assert compared(ana, f"{query}&sort=change&phase=PHASE3") == [FOUR, THREE]
    assert compared(ana, f"{query}&sort=change&phase=none") == []
    assert "This order reads both runs completely" in text_of(ana.get(f"/trials/compare/{query}&sort=change"))
    assert "read whole" not in text_of(ana.get(f"/trials/compare/{query}"))
    assert compared(ana, f"?a={LATEST}&b=week-46") == [THREE, FOUR]


def test_phase_and_gate_narrow_the_comparison_and_not_the_picture(ana: Client, moved: list[Trial]) -> None:
    Trial.objects.filter(pk=moved[1].pk).update(phase="PHASE2")
    assert compared(ana, "?phase=PHASE2") == [TWO]
    assert compared(ana, "?gate=G2") == [ONE]
    words = text_of(ana.get("/trials/compare/?phase=PHASE2"))
    assert f"All 4 trials of {LATEST}. The filters on phase and gate do not apply." in words
    assert "Only Phase 2." in words
    assert f"Only phase unknown, gate G1 fired in {LATEST}." in text_of(ana.get("/trials/compare/?phase=none&gate=G1"))
    assert "No trials match the filter." in text_of(ana.get("/trials/compare/?phase=PHASE4"))


def test_the_picture_counts_what_rose_and_fell_in_each_band(
    ana: Client, moved: list[Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ana.get("/trials/compare/")
    found = {moved.band.name: (moved.risen, moved.fallen, moved.same, moved.new) for moved in page.context["movements"]}
    assert found == {"97": (1, 0, 0, 0), "75": (0, 0, 0, 0), "50": (0, 0, 0, 1), "25": (0, 1, 1, 0), "0": (0, 0, 0, 0)}
    assert "25 % to under 50 % 0 1 1 0 2" in text_of(page)
    monkeypatch.setattr("signals.trials.comparison.DRAWN", 2)
    assert f"The 2 trials with the highest P(failure) in {LATEST}." in text_of(ana.get("/trials/compare/"))


def test_without_two_runs_there_is_nothing_to_compare(ana: Client) -> None:
    assert "Only one run so far: no scores yet." in text_of(ana.get("/trials/compare/"))
    scored_trial(ONE)
    assert f"{LATEST} is the only one" in text_of(ana.get("/trials/compare/"))
    score(make_trial(), "0.5", BEFORE)
    assert f"no run comes before {BEFORE}" in text_of(ana.get(f"/trials/compare/?b={BEFORE}"))


@pytest.mark.parametrize("query", ["a=x", "b=%00", "page=x", "sort=readout", "phase=x", "gate=any", "a=" + "x" * 9999])
def test_runs_that_cannot_be_compared_show_an_error(ana: Client, moved: list[Trial], query: str) -> None:
    page = ana.get(f"/trials/compare/?{query}")
    assert page.status_code == 400
    assert "Invalid runs." in text_of(page)


def test_the_comparison_asks_as_much_for_many_rows_as_for_few(
    ana: Client, moved: list[Trial], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ana.get("/trials/compare/")
    # Session, person, two for permissions, runs, keys, scores of both runs, trials, the picture, those that left.
    with django_assert_num_queries(11):
        ana.get("/trials/compare/")
    for _ in range(60):
        trial = make_trial(sponsor_company=make_company())
        score(trial, "0.5", BEFORE)
        score(trial, "0.7")
    # One more: the tickers of companies, where there are any.
    with django_assert_num_queries(12):
        assert len(compared(ana)) == 50
    assert len(compared(ana, "?page=2")) == 14
    assert compared(ana, "?page=3") == []
