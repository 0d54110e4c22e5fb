"""Captures of a trial in any order give one history, one current record and the same signals."""

import os
import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ncfd_site.core import sql
from ncfd_site.ingest.records import Record, Rejections, SourceLocation
from ncfd_site.ingest.runs import LoadProgress
from signals.explanation.record_versions import compare_records
from signals.explanation.trial_facts import load_trial_facts
from signals.loading.ctgov import load_studies
from signals.loading.record import parse_trial_record
from signals.models import RegistryHistoryVersion, Score, Signal, SignalEvaluation, Trial, TrialVersion
from signals.registry_signals.evaluation import evaluate_registry_signals
from signals.scoring.run import score_trials
from storage.content import get_content_store
from tests.ingest.conftest import Load, Outcome
from tests.ingest.studies import Json, jsonl, status, study

pytestmark = pytest.mark.django_db

SINGLE = {"allocation": "NA", "interventionModel": "SINGLE_GROUP"}
Capture = Callable[..., Outcome]


@pytest.fixture
def capture(load: Load, tmp_path: Path) -> Capture:
    """Return a function that loads one record captured on a day."""

    def run(record: Json, day: str | None = None) -> Outcome:
        options = {"captured_at": day} if day else {}
        outcome = load("ctgov", jsonl(tmp_path / "studies.jsonl", [record]), **options)
        assert outcome.code == 0, outcome
        return outcome

    return run


def at(posted: str | None, endpoint: str | None, overall: str | None = "RECRUITING", **modules: Any) -> Json:
    """Return a record; None omits a part."""
    stated = {"overallStatus": overall} if overall else {}
    submitted = {"lastUpdateSubmitDate": posted} if posted else {}
    outcomes = {"primaryOutcomes": [{"measure": endpoint}]} if endpoint else None
    return study(statusModule=status(posted=posted, **stated, **submitted), outcomesModule=outcomes, **modules)


SPARSE: Json = {"designModule": None, "sponsorCollaboratorsModule": None, "conditionsModule": None}
# Two undated captures, two that state little, one that was captured twice, one that returns.
CAPTURES = [
    ("2023-01-10", at("2023-01-05", "Overall survival", "NOT_YET_RECRUITING")),
    ("2023-03-01", at("2023-02-20", "Overall survival")),
    ("2023-04-01", at("2023-02-20", None, None, **SPARSE)),
    ("2023-06-01", at("2023-05-20", None, armsInterventionsModule=None)),
    ("2023-07-01", at(None, "Overall survival", **SPARSE)),
    ("2023-09-01", at("2023-08-20", "Progression-free survival", "ACTIVE_NOT_RECRUITING")),
    ("2023-10-01", at("2023-08-20", "Progression-free survival", "ACTIVE_NOT_RECRUITING")),
    ("2024-02-01", at("2024-01-15", "Response rate", "ACTIVE_NOT_RECRUITING")),
    ("2024-03-01", at("2024-02-15", None, "COMPLETED", conditionsModule=None)),
    ("2024-04-01", at(None, None, "COMPLETED", **SPARSE)),
]


def read_state() -> Any:
    """Return everything that the captures determine, without identifiers."""
    evaluate_registry_signals()
    versions = TrialVersion.objects.order_by("sha256").values(
        "sha256",
        "captured_at",
        "last_update_posted_date",
        "primary_endpoint_text",
        "changes_jsonb",
        "changed_primary_endpoint",
        "changed_sample_size",
        "sample_size_delta",
        "changed_analysis_plan",
    )
    trial = sql.value("SELECT (to_jsonb(t) - 'trial_id')::text FROM trials t")
    history = RegistryHistoryVersion.objects.order_by("version_rank").values_list(
        "version_rank", "submitted_date", "url"
    )
    signals = Signal.objects.order_by("s_id").values_list("s_id", "severity", "evidence_span", "fired_at")
    reasons = SignalEvaluation.objects.order_by("s_id").values_list("s_id", "outcome", "reason")
    return trial, list(versions), list(history), list(signals), list(reasons)


def load_captures(captures: list[tuple[str, Json]]) -> None:
    records = [
        Record(SourceLocation("captures", line), parse_trial_record(record, datetime.fromisoformat(f"{day}T00:00Z")))
        for line, (day, record) in enumerate(captures, 1)
    ]
    load_studies(records, store=get_content_store(), rejections=Rejections(), progress=LoadProgress())


@pytest.mark.usefixtures("content_root")
def test_ten_captures_in_any_order_give_one_result() -> None:
    expected: Any = None
    order = list(CAPTURES)
    for seed in range(51):
        Trial.objects.all().delete()
        load_captures(order)
        state = read_state()
        expected = expected or state
        assert state == expected, seed
        random.Random(seed).shuffle(order)
    trial, versions, history, signals, _ = expected
    assert len(versions) == len(history) == 9
    assert '"status": "COMPLETED"' in trial
    assert '"phase": "PHASE3"' in trial
    assert '"primary_endpoint_text": "Response rate"' in trial
    assert [row[1] for row in history][:3] == [date(2023, 1, 5), date(2023, 2, 20), date(2023, 2, 20)]
    assert [(row[0], row[1], row[3]) for row in signals] == [("S1", "H", datetime(2024, 1, 15, tzinfo=UTC))]


def test_sparse_capture_takes_nothing_away(capture: Capture) -> None:
    full = at("2026-01-05", "Response", designModule={"phases": ["PHASE3"], "designInfo": SINGLE})
    sparse = {"protocolSection": {k: full["protocolSection"][k] for k in ("identificationModule", "statusModule")}}
    for record in (full, sparse, full):
        capture(record)
        evaluate_registry_signals()
        assert Signal.objects.get().s_id == "S7"
        assert (Trial.objects.get().phase, Trial.objects.get().is_pivotal) == ("PHASE3", True)
    assert [capture(record).row("trials") for record in (sparse, full)] == [(0, 0, 1, 0)] * 2
    assert TrialVersion.objects.count() == 2


def test_as_of_sees_what_was_captured_by_then(capture: Capture) -> None:
    capture(at("2024-02-15", "Response rate", "COMPLETED"))
    capture(at("2023-01-05", "Overall survival"), "2023-01-10")
    capture(at("2023-05-05", "Response", designModule={"phases": ["Phase 2/Phase 3"]}), "2023-05-10")
    evaluate_registry_signals(moment=datetime(2023, 2, 1, tzinfo=UTC))
    assert SignalEvaluation.objects.get(s_id="S1").reason == "Only one record version is stored."
    score_trials("early", as_of=date(2023, 2, 1))
    score_trials("later", as_of=date(2023, 6, 1))
    phases = Score.objects.order_by("run_id").values_list("metadata__prior__phase", flat=True)
    assert list(phases) == ["PHASE3", "PHASE2/PHASE3"]


def test_date_of_the_capture_is_the_day_or_that_of_the_file(load: Load, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "studies.jsonl", [study()])
    os.utime(path, (1_735_689_600, 1_735_689_600))
    assert load("ctgov", path, captured_at="file").code == 0
    assert TrialVersion.objects.get().captured_at == datetime(2025, 1, 1, tzinfo=UTC)
    assert load("ctgov", path, captured_at="2024-06-01").row("trials") == (0, 0, 1, 0)
    assert TrialVersion.objects.get().captured_at == datetime(2024, 6, 1, tzinfo=UTC)
    assert Trial.objects.get().last_seen_at == datetime(2025, 1, 1, tzinfo=UTC)
    early = load("ctgov", path, captured_at="2024-04-01")
    assert early.code == 3
    assert "posted.date is 2024-05-01, after the capture on 2024-04-01" in early.err.replace(
        "lastUpdatePostDateStruct", "posted"
    )
    future = load("ctgov", path, captured_at="2999-01-01")
    assert (future.code, "in the future" in future.message) == (2, True)


def test_list_of_a_pipeline_is_kept(capture: Capture) -> None:
    capture(study())
    trial = Trial.objects.get()
    RegistryHistoryVersion.objects.all().delete()
    RegistryHistoryVersion.objects.create(trial=trial, version_rank=1, url="https://clinicaltrials.gov/study/x?a=1")
    capture(at("2025-01-01", "Response rate"))
    assert RegistryHistoryVersion.objects.get().url == "https://clinicaltrials.gov/study/x?a=1"


def test_earlier_number_resolves_and_escapes_are_rendered(capture: Capture) -> None:
    title = {"nctId": "NCT00000001", "briefTitle": r"Age \> 18", "nctIdAliases": ["nct00000077", "NCT1"]}
    capture(study(identificationModule=title, outcomesModule={"primaryOutcomes": [{"measure": r"HbA1c \< 7 \[%\]"}]}))
    trial = Trial.objects.get()
    for number in ("NCT00000001", "nct00000077"):
        facts = load_trial_facts(number)
        assert facts is not None
        assert (facts.nct_id, facts.title, facts.primary_endpoint_text) == (trial.nct_id, "Age > 18", "HbA1c < 7 [%]")
    assert load_trial_facts("NCT00000078") is None
    assert trial.primary_endpoint_text == r"HbA1c \< 7 \[%\]"
    record = TrialVersion.objects.get().raw_jsonb
    (section,) = [one for one in compare_records(record, record) if one.name == "Titles and numbers"]
    assert "Age > 18" in [field.after for field in section.same]
