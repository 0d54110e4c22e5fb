"""Content of each API resource, and its number of queries."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from ncfd_site.core import sql
from securities.models import CompanyAlias, CompanyRelationship, ResolverDecision, ReviewQueueItem
from signals.models import Signal, StagingError
from tests.api.rows import make_explained_trial, make_listed_company, make_score, make_version
from tests.factories import make_asset, make_document, make_link_audit, make_study, make_trial

pytestmark = pytest.mark.django_db
# Token, two for permissions; the note that the token was used falls away after the first time.
MOST_QUERIES = 12


def read(program: Client, address: str) -> Any:
    answer = program.get(f"/api/v1/{address}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def numbers(program: Client, query: str) -> list[str]:
    return [item["nct_id"] for item in read(program, f"trials?{query}")["items"]]


def test_listed_trial_has_its_current_score(ana: Client) -> None:
    trial = make_explained_trial()
    (item,) = read(ana, "trials")["items"]
    assert trial.sponsor_company is not None
    assert item == {
        "nct_id": "NCT01234567",
        "sponsor": "Example Therapeutics",
        "company": trial.sponsor_company.name,
        "cik": trial.sponsor_company.cik,
        "tickers": ["ZQX"],
        "phase": "PHASE3",
        "is_pivotal": True,
        "status": "RECRUITING",
        "indication": "Psoriasis",
        "next_readout": "2027-01-31",
        "run_id": "run-2",
        "scored_at": "2026-06-08T00:00:00Z",
        "p_fail": 0.8,
        "change": 0.4,
        "previous_run_id": "run-1",
        "gates": ["G1"],
        "signals": [{"code": "S1", "severity": "H"}],
    }


def test_list_of_a_run_has_the_scores_of_that_run(ana: Client) -> None:
    make_explained_trial()
    (then,) = read(ana, "trials?run=run-1")["items"]
    assert (then["p_fail"], then["change"], then["gates"], then["signals"]) == (0.4, None, [], [])
    (now,) = read(ana, "trials?run=run-2")["items"]
    assert (now["p_fail"], now["change"], now["previous_run_id"], now["gates"]) == (0.8, 0.4, "run-1", ["G1"])


def test_trial_without_score_has_nulls(ana: Client) -> None:
    make_trial(sponsor_text=None, phase=None, indication=None, status=None)
    (item,) = read(ana, "trials")["items"]
    for name in ("sponsor", "company", "phase", "status", "indication", "next_readout", "run_id", "p_fail", "change"):
        assert item[name] is None


@pytest.mark.parametrize(
    "query",
    [
        "q=NCT0123",
        "q=ZQX",
        "phase=PHASE3",
        "status=RECRUITING",
        "gate=G1",
        "gate=any",
        "signal=S1",
        "ticker=zqx",
        "sponsor=Example",
        "band=75",
        "from=2027-01-01&to=2027-02-01",
        "pivotal=yes",
    ],
)
def test_filters_match_the_page(ana: Client, query: str) -> None:
    make_explained_trial()
    make_trial(phase="PHASE2", status="COMPLETED", sponsor_text="Other", is_pivotal=False)
    assert numbers(ana, query) == ["NCT01234567"]


def test_filter_without_matches_returns_an_empty_list(ana: Client) -> None:
    make_explained_trial()
    assert numbers(ana, "gate=G2") == []
    assert numbers(ana, "ticker=NONE") == []


def test_trial_has_signals_gates_and_evaluations(ana: Client) -> None:
    make_explained_trial()
    trial = read(ana, "trials/nct01234567")
    assert trial["signal_rows"][0]["evidence"] == "The endpoint was changed."
    assert trial["gate_rows"][0]["likelihood_ratio"] == 4.0
    assert trial["gate_rows"][0]["supporting_signals"] == ["S1"]
    assert trial["evaluations"][0]["outcome"] == "not fired"
    assert trial["evaluations"][0]["evidence"] == {"arms": 2}
    assert trial["companies"][0]["tickers"] == ["ZQX"]


def test_breakdown_matches_the_page(ana: Client) -> None:
    make_explained_trial()
    breakdown = read(ana, "trials/NCT01234567/breakdown")
    assert breakdown["score"]["p_fail"] == 0.8
    assert breakdown["contributions"] == [{"gate": "G1", "likelihood_ratio": 4.0, "log_odds": 1.386294}]
    assert breakdown["adds_up"] is True
    assert breakdown["mismatches"] == []
    assert breakdown["steps"][0]["kind"] == "prior"
    states = {signal["code"]: signal["state"] for signal in breakdown["signals"]}
    assert states["S1"] == "fired"
    assert len(states) == 9
    earlier = read(ana, "trials/NCT01234567/breakdown?run=run-1")
    assert earlier["is_latest"] is False
    assert ana.get("/api/v1/trials/NCT01234567/breakdown?run=other").status_code == 404


def test_scores_of_a_trial_are_listed(ana: Client) -> None:
    make_explained_trial()
    history = read(ana, "trials/NCT01234567/scores")["items"]
    assert [(score["run_id"], score["p_fail"]) for score in history] == [("run-2", 0.8), ("run-1", 0.4)]
    assert [score["run_id"] for score in read(ana, "trials/NCT01234567/scores?run=run-1")["items"]] == ["run-1"]


def test_runs_are_listed_newest_first(ana: Client) -> None:
    make_explained_trial()
    assert [run["run_id"] for run in read(ana, "runs")["items"]] == ["run-2", "run-1"]


@pytest.mark.parametrize("sort", ["risk", "change", "-change"])
def test_two_runs_are_compared(ana: Client, sort: str) -> None:
    make_explained_trial()
    make_score(make_trial(), "0.10000", "run-2", days=7)
    found = read(ana, f"compare?sort={sort}")
    assert (found["a"], found["b"]) == ("run-1", "run-2")
    moved = found["items"][0]
    assert (moved["p_fail_before"], moved["p_fail"], moved["change"]) == (0.4, 0.8, 0.4)
    assert moved["gates_gained"] == ["G1"]
    assert moved["causes"]
    if sort == "risk":
        assert (found["items"][1]["p_fail_before"], found["items"][1]["change"]) == (None, None)


@pytest.mark.parametrize("unreadable", ["[" * 3000 + "]" * 3000, "9" * 5000])
def test_unreadable_metadata_does_not_break_a_list(ana: Client, unreadable: str) -> None:
    make_explained_trial()
    other = make_trial()
    make_score(other, "0.20000", "run-1")
    score = make_score(other, "0.10000", "run-2", days=7)
    sql.execute("UPDATE scores SET metadata = %s::jsonb WHERE score_id = %s", [f'{{"gates": {unreadable}}}', score.pk])
    assert [row["gates"] for row in read(ana, "trials?run=run-2")["items"]] == [["G1"], []]
    for sort in ("risk", "change"):
        found = read(ana, f"compare?sort={sort}")["items"]
        assert [row["p_fail"] for row in found] == [0.8, 0.1]
        assert (found[1]["gates_gained"], found[1]["gates_lost"]) == (None, None)


def test_invalid_comparison_is_rejected(ana: Client) -> None:
    assert ana.get("/api/v1/compare").json()["detail"] == "There are fewer than two runs to compare."
    make_explained_trial()
    assert ana.get("/api/v1/compare?a=run-2&b=run-1").status_code == 200
    for query in ("a=run-2&b=run-1&sort=change", "b=other", "a=other"):
        assert ana.get(f"/api/v1/compare?{query}").status_code == 400


def test_versions_and_their_differences(ana: Client) -> None:
    trial = make_trial(nct_id="NCT01234567")
    first = make_version(trial, {"a": {"b": 1, "c": 2}, "derivedSection": {"x": 1}})
    second = make_version(trial, {"a": {"b": 3, "d": None}, "derivedSection": {"x": 2}}, days=1)
    listed = read(ana, "trials/NCT01234567/versions")["items"]
    assert [version["trial_version_id"] for version in listed] == [second.pk, first.pk]
    assert read(ana, f"trials/NCT01234567/versions/{first.pk}")["record"]["a"] == {"b": 1, "c": 2}
    difference = read(ana, "trials/NCT01234567/difference")
    assert difference == read(ana, f"trials/NCT01234567/difference?from={first.pk}&to={second.pk}")
    assert difference["items"] == [
        {"field": "a.b", "before": 1, "after": 3, "was_there": True, "is_there": True},
        {"field": "a.c", "before": 2, "after": None, "was_there": True, "is_there": False},
        {"field": "a.d", "before": None, "after": None, "was_there": False, "is_there": True},
    ]
    assert ana.get(f"/api/v1/trials/NCT01234567/difference?from={first.pk}").status_code == 400
    other = make_trial()
    assert ana.get(f"/api/v1/trials/{other.nct_id}/versions/{first.pk}").status_code == 404


def test_company_has_names_securities_and_structure(ana: Client) -> None:
    parent, child = make_listed_company("ZQP", name="Parent Inc."), make_listed_company("ZQC", name="Child Inc.")
    CompanyRelationship.objects.create(parent_company=parent, child_company=child, rel_type="subsidiary")
    CompanyAlias.objects.create(company=child, alias="Old", alias_norm="old", alias_type="former_name")
    found = read(ana, f"companies/{child.cik}")
    assert found["tickers"] == ["ZQC"]
    assert found["canonical"] is False
    assert [alias["alias"] for alias in found["aliases"]] == ["Old"]
    assert [one["ticker"] for one in found["securities"]] == ["ZQC"]
    assert [one["name"] for one in found["parents"]] == ["Parent Inc."]
    assert [one["name"] for one in read(ana, f"companies/{parent.cik}")["children"]] == ["Child Inc."]
    assert [one["name"] for one in read(ana, "companies?q=chi")["items"]] == ["Child Inc."]


def test_ticker_depends_on_the_date(ana: Client) -> None:
    company = make_listed_company("ZQX")
    assert read(ana, "tickers/zqx?on=2026-01-01")["items"][0]["cik"] == company.cik
    before = read(ana, "tickers/ZQX?on=2019-12-31")
    assert before["items"] == []
    assert before["history"][0]["first"] == "2020-01-01"


def test_sponsor_queue_has_decisions(ana: Client) -> None:
    names = {"run_id": "r", "nct_id": "NCT01234567", "sponsor_text": "Acme", "sponsor_text_norm": "acme"}
    item = ReviewQueueItem.objects.create(**names, candidates=[{"name": "Acme Inc.", "p": 0.4}], reason="two fit")
    ResolverDecision.objects.create(**names, match_type="none", top2_margin=float("nan"))
    (listed,) = read(ana, "sponsors?status=pending")["items"]
    assert listed["candidates"] == [{"name": "Acme Inc.", "p": 0.4}]
    (decision,) = read(ana, f"sponsors/{item.pk}")["decisions"]
    # JSON has no word for what is not a number.
    assert (decision["match_type"], decision["top2_margin"], decision["company"]) == ("none", None, None)


def test_study_has_card_and_validation_errors(ana: Client) -> None:
    study = make_study(extracted_jsonb={"results": {"primary": [{"p_value": 0.04}]}})
    error = StagingError.objects.create(
        study=study, trial=study.trial, error_type="pivotal_validation", error_message="No size.", extracted_jsonb={}
    )
    found = read(ana, f"studies/{study.pk}")
    assert found["card"] == {"results": {"primary": [{"p_value": 0.04}]}}
    assert found["p_value"] == 0.04
    assert [one["error_message"] for one in found["errors"]] == ["No size."]
    assert read(ana, f"studies?nct_id={study.trial.nct_id}")["items"][0]["study_id"] == study.pk
    assert read(ana, "staging-errors?error_type=pivotal_validation")["items"][0]["error_id"] == error.pk
    assert read(ana, f"staging-errors/{error.pk}")["card"] == {}


def test_link_has_label_and_evidence(ana: Client) -> None:
    link = make_link_audit(asset=make_asset("Semaglutide"), label=False)
    make_link_audit()
    (item,) = read(ana, "links?label=wrong")["items"]
    assert (item["audit_id"], item["asset"], item["label"], item["reviewed_by"]) == (
        link.pk,
        "Semaglutide",
        "wrong",
        "rita",
    )
    assert read(ana, f"links/{link.pk}")["evidence"] == {"matched_alias": "asset"}
    assert len(read(ana, "links")["items"]) == 2
    assert len(read(ana, "links?q=semag")["items"]) == 1


def test_precision_matches_the_page(ana: Client) -> None:
    make_link_audit(label=True)
    make_link_audit(label=False)
    (item,) = read(ana, "heuristics")["items"]
    assert (item["heuristic"], item["precision_rate"]) == ("HP-2", 0.5)
    assert read(ana, "heuristics/HP-2")["promotion_rule"]["passed"] is False
    assert read(ana, "heuristics/HP-2?to=2020-01-01")["reviewed_links"] == 0


def test_documents_have_no_text(ana: Client) -> None:
    document = make_document("the secret text")
    answer = ana.get(f"/api/v1/documents/{document.pk}")
    assert answer.json()["publisher"] == "ClinicalTrials.gov"
    assert "secret" not in answer.content.decode()


def test_number_that_json_cannot_represent_is_null(ana: Client) -> None:
    link = make_link_audit()
    huge = f"1{'0' * 400}.5"
    sql.execute("UPDATE link_audit SET evidence_jsonb = %s WHERE audit_id = %s", [f'{{"x": [{huge}, 1.5]}}', link.pk])
    answer = ana.get(f"/api/v1/links/{link.pk}")
    assert "Infinity" not in answer.content.decode()
    assert answer.json()["evidence"] == {"x": [None, 1.5]}


def test_home_page_is_available_as_data(ana: Client) -> None:
    make_explained_trial()
    tiles = {tile["key"]: tile for tile in read(ana, "dashboard")["items"]}
    assert "freshness" in tiles
    assert all(tile["error"] is None for tile in tiles.values())
    assert any(line["text"] == "Latest score" for line in read(ana, "freshness")["lines"])


@pytest.mark.parametrize(
    "address",
    [
        "trials",
        "trials?run=run-2",
        "trials?q=zqx&ticker=zqx&sponsor=example&gate=G1&signal=S1",
        "trials/NCT01234567",
        "trials/NCT01234567/breakdown",
        "trials/NCT01234567/scores",
        "trials/NCT01234567/versions",
        "trials/NCT01234567/difference",
        "runs",
        "compare",
        "compare?sort=change",
        "companies",
        "tickers/ZQX",
        "sponsors",
        "studies",
        "staging-errors",
        "links",
        "heuristics",
        "documents",
        "dashboard",
        "freshness",
    ],
)
def test_query_count_is_independent_of_row_count(
    ana: Client, django_assert_max_num_queries: DjangoAssertNumQueries, address: str
) -> None:
    trial = make_explained_trial()
    for number in range(2):
        make_version(trial, {"a": number}, days=number)
    ana.get("/api/v1/nothing")
    with django_assert_max_num_queries(MOST_QUERIES) as few:
        read(ana, address)
    for number in range(3):
        other = make_trial(sponsor_company=make_listed_company(f"ZQ{number}"))
        Signal.objects.create(trial=other, s_id="S2", severity="L")
        for run, days in (("run-1", 0), ("run-2", 7)):
            make_score(other, "0.30000", run, days)
        StagingError.objects.create(
            study=make_study(trial=other), trial=other, error_type="x", error_message="y", extracted_jsonb={}
        )
        make_link_audit()
    with django_assert_max_num_queries(MOST_QUERIES) as many:
        read(ana, address)
    growth = len(many.captured_queries) - len(few.captured_queries)
    # An empty list has no companies to look up; three rows cost no more than one.
    assert growth <= 2
