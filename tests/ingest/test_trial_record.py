"""Registry records as columns and text, and the reasons of rejected ones."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncfd_site.ingest.records import InvalidRecord
from signals.loading.record import parse_trial_record
from signals.loading.record_text import PAGE_SIZE, render_record
from tests.ingest.studies import (
    interventions,
    sponsor,
    status,
    study,
)


def test_columns_come_from_the_protocol() -> None:
    record = parse_trial_record(study(7))
    assert record.nct_id == "NCT00000007"
    assert record.sponsor == "Example Therapeutics, Inc."
    assert (record.phase, record.is_pivotal, record.is_interventional) == ("PHASE3", True, True)
    assert record.status == "RECRUITING"
    assert record.indication == "Example Disease; Other Disease"
    assert record.intervention_types == ["DRUG"]
    assert record.primary_completion == date(2026, 9, 1)
    assert record.first_posted == date(2023, 12, 1)
    assert record.last_update_posted == date(2024, 5, 1)
    assert record.primary_endpoint == "Overall survival [24 months]"
    assert record.sample_size == 400
    assert record.analysis_plan == "Allocation: RANDOMIZED\nMasking: DOUBLE"


def test_minimal_record_has_empty_columns() -> None:
    record = parse_trial_record({"protocolSection": {"identificationModule": {"nctId": " nct00000001 "}}})
    assert record.nct_id == "NCT00000001"
    empty = (record.sponsor, record.phase, record.is_pivotal, record.status, record.indication, record.sample_size)
    assert empty == (None,) * 6
    assert not record.is_interventional


@pytest.mark.parametrize(
    ("phases", "phase", "is_pivotal"),
    [
        (["PHASE3"], "PHASE3", True),
        (["PHASE2", "PHASE3"], "PHASE2/PHASE3", True),
        (["PHASE2"], "PHASE2", False),
        (["PHASE1", "PHASE2"], "PHASE1/PHASE2", False),
        (["PHASE4"], "PHASE4", False),
        (["NA"], "NA", False),
        ([], None, None),
    ],
)
def test_phases_that_include_phase_3_are_pivotal(phases: list[str], phase: str | None, is_pivotal: bool | None) -> None:
    record = parse_trial_record(study(designModule={"phases": phases}))
    assert (record.phase, record.is_pivotal) == (phase, is_pivotal)


@pytest.mark.parametrize(
    ("words", "phase"),
    [
        (["Phase 3"], "PHASE3"),
        (["Phase 2/Phase 3"], "PHASE2/PHASE3"),
        (["Phase II", "phase iii"], "PHASE2/PHASE3"),
        (["Early Phase 1"], "EARLY_PHASE1"),
        (["N/A"], "NA"),
        (["Not Applicable"], "NA"),
    ],
)
def test_words_of_the_earlier_interface_are_codes(words: list[str], phase: str) -> None:
    module = {"phases": words, "studyType": "Interventional"}
    words_of_status = {"Recruiting": "RECRUITING", "Active, not recruiting": "ACTIVE_NOT_RECRUITING"}
    words_of_status["Unknown status"] = "UNKNOWN"
    for word, code in words_of_status.items():
        arms = {"interventions": [{"type": "Drug", "name": "Examplumab"}]}
        parts: Any = {"statusModule": {"overallStatus": word}, "armsInterventionsModule": arms}
        record = parse_trial_record(study(designModule=module, **parts))
        assert (record.phase, record.is_pivotal, record.status) == (phase, "PHASE3" in phase, code)
        assert (record.is_interventional, record.intervention_types) == (True, ["DRUG"])
        assert record.raw["protocolSection"]["designModule"]["phases"] == words


def test_uploaded_analysis_plan_is_listed() -> None:
    uploads = {"largeDocumentModule": {"largeDocs": [{"hasSap": True, "date": "2025-03-04"}, {"hasSap": False}]}}
    plan = parse_trial_record({**study(), "documentSection": uploads}).analysis_plan
    assert plan == "Allocation: RANDOMIZED\nMasking: DOUBLE\nStatistical analysis plan of 2025-03-04"


def broken(path: str, value: Any) -> dict[str, Any]:
    record = study()
    *names, last = path.split(".")
    parent = record["protocolSection"]
    for name in names:
        parent = parent.setdefault(name, {})
    parent[last] = value
    return record


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("identificationModule.nctId", "NCT123", "nctId is 'NCT123'"),
        ("identificationModule.nctId", None, "nctId is ''"),
        ("identificationModule.nctId", 5, "nctId is not a text"),
        ("identificationModule", [], "identificationModule is not an object"),
        ("designModule.phases", "PHASE3", "phases is not a list of texts"),
        ("designModule.phases", ["PHASE3"] * 50, "phases has 349 characters"),
        ("designModule.phases", ["Phase 9"], "phases is 'Phase 9', which is none of EARLY_PHASE1, PHASE1"),
        ("statusModule.overallStatus", "Enroling", "overallStatus is 'Enroling', which is none of ACTIVE_NOT"),
        ("designModule.enrollmentInfo.count", "120", 'count is the text "120", not a number'),
        ("designModule.enrollmentInfo.count", -1, "count is -1"),
        ("designModule.enrollmentInfo.count", 10**12, "not a number of participants"),
        ("designModule.enrollmentInfo.count", True, "count is True"),
        ("statusModule.overallStatus", "x" * 101, "overallStatus has 101 characters"),
        ("statusModule.lastUpdatePostDateStruct.date", "2024-13-01", "lastUpdatePostDateStruct.date is '2024-13-01'"),
        ("statusModule.lastUpdatePostDateStruct.date", "2024-02-30", "not a date"),
        ("statusModule.primaryCompletionDateStruct.date", "9999-12", "outside the years"),
        ("statusModule.primaryCompletionDateStruct.date", "soon", "not a date"),
        ("sponsorCollaboratorsModule.leadSponsor.name", "x" * 501, "name has 501 characters"),
        ("armsInterventionsModule.interventions", [{"name": "x" * 501}], "name has 501 characters"),
        ("armsInterventionsModule.interventions", {"name": "x"}, "not a list of objects"),
        ("armsInterventionsModule.armGroups", [{"label": 5}], "label is not a text"),
        ("outcomesModule.primaryOutcomes", ["survival"], "not a list of objects"),
    ],
)
def test_invalid_field_is_rejected_with_the_reason(path: str, value: Any, reason: str) -> None:
    with pytest.raises(InvalidRecord, match=reason.replace(".", r"\.").replace("(", r"\(")):
        parse_trial_record(broken(path, value))


@pytest.mark.parametrize("value", [None, [], "study", 5, {}, {"protocolSection": []}, {"protocolSection": None}])
def test_other_json_is_rejected(value: Any) -> None:
    with pytest.raises(InvalidRecord, match="not a study"):
        parse_trial_record(value)


def test_earlier_version_of_the_interface_is_named() -> None:
    with pytest.raises(InvalidRecord, match="This is API version 1; download the study from https"):
        parse_trial_record({"FullStudiesResponse": {"FullStudies": []}})


def test_late_completion_and_long_summary_are_kept() -> None:
    modules: Any = {"statusModule": {"primaryCompletionDateStruct": {"date": "2105-12"}}}
    record = parse_trial_record(study(**modules, descriptionModule={"briefSummary": "word " * 60_000}))
    assert record.primary_completion == date(2105, 12, 1)
    assert sum(map(len, record.page.pages)) > 290_000


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024", date(2024, 1, 1)),
        ("2024-06", date(2024, 6, 1)),
        ("2024-06-15", date(2024, 6, 15)),
        ("2024-06-15T13:45", date(2024, 6, 15)),
    ],
)
def test_partial_date_counts_as_its_first_day(text: str, day: date) -> None:
    assert parse_trial_record(study(statusModule=status(posted=text))).last_update_posted == day


def test_source_url_identifies_the_version() -> None:
    one, other = parse_trial_record(study()), parse_trial_record(study(sponsorCollaboratorsModule=sponsor("Other")))
    assert one.source_url.startswith("https://clinicaltrials.gov/study/NCT00000001?version=")
    assert one.source_url != other.source_url


def test_content_is_the_whole_record() -> None:
    raw = {**study(), "_collected": "2026-01-01", "derivedSection": {"a": 1}}
    assert json.loads(parse_trial_record(raw).content) == raw


def test_record_is_rendered_as_text() -> None:
    (page,) = render_record(study(7), "NCT00000007").pages
    assert page.startswith("NCT00000007: Study 7 of examplumab\n")
    for words in (
        "Phase: Phase 3\n",
        "Status: Recruiting\n",
        "Sponsor: Example Therapeutics, Inc.\n",
        "Primary completion: 2026-09 (estimated)\n",
        "Enrollment: 400 estimated\n",
        "Conditions: Example Disease; Other Disease\n",
        "\nInterventions\n- Drug: Examplumab\n- Drug: Placebo\n",
        "\nArms\n- Examplumab arm (experimental)\n",
        "\nPrimary endpoints\n- Overall survival [24 months]\n",
    ):
        assert words in page


@given(st.lists(st.text(min_size=1, max_size=60), max_size=8), st.integers(0, 3))
def test_intervention_positions_match_the_text(names: list[str], many: int) -> None:
    described = [{"name": name, "description": "word " * (PAGE_SIZE // 12) * many} for name in names]
    record = render_record(study(armsInterventionsModule={"interventions": described}), "NCT00000001")
    for found in record.interventions:
        page = record.pages[found.place.page_no - 1]
        assert page[found.place.char_start : found.place.char_end] == found.name
    assert [found.name for found in record.interventions] == [" ".join(name.split()) for name in names if name.split()]


def test_long_record_has_several_pages() -> None:
    long = {"briefSummary": "\n".join(["A paragraph of some words."] * 3000)}
    pages = render_record(study(descriptionModule=long), "NCT00000001").pages
    assert len(pages) > 2
    assert all(len(page) <= PAGE_SIZE + 100 for page in pages)
    assert "".join(pages).count("A paragraph") == 3000


def test_interventions_without_name_are_skipped() -> None:
    record = render_record(study(armsInterventionsModule=interventions("A1", "")), "NCT00000001")
    assert [found.name for found in record.interventions] == ["A1"]
