"""Versions of changed registry records."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linkaudit.models import LinkAudit
from signals.models import Trial, TrialVersion
from storage.models import Document, StorageObject
from tests.ingest.conftest import Load
from tests.ingest.studies import (
    Json,
    interventions,
    jsonl,
    sponsor,
    status,
    study,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(name="loaded")
def loads_records(load: Load, tmp_path: Path) -> Any:
    """Return a function that loads records from a file."""

    def run(*records: Json) -> Any:
        outcome = load("ctgov", jsonl(tmp_path / "studies.jsonl", records))
        assert outcome.code == 0, outcome
        return outcome

    return run


def latest() -> TrialVersion:
    return TrialVersion.objects.latest("trial_version_id")


def test_changed_record_adds_a_version_with_its_changes(loaded: Any) -> None:
    loaded(study(statusModule=status(overallStatus="RECRUITING", posted="2024-05-01")))
    outcome = loaded(study(statusModule=status(overallStatus="COMPLETED", posted="2025-05-01")))
    assert outcome.row("trials") == (0, 1, 0, 0)
    assert outcome.row("versions") == outcome.row("documents") == (1, 0, 0, 0)
    trial = Trial.objects.get()
    assert (trial.status, trial.last_update_posted_date) == ("COMPLETED", date(2025, 5, 1))
    version = latest()
    assert version.sha256 == trial.current_sha256
    field = "protocolSection.statusModule"
    assert version.changes_jsonb == [
        {"field": f"{field}.lastUpdatePostDateStruct.date", "before": "2024-05-01", "after": "2025-05-01"},
        {"field": f"{field}.overallStatus", "before": "RECRUITING", "after": "COMPLETED"},
    ]
    flags = (version.changed_primary_endpoint, version.changed_sample_size, version.changed_analysis_plan)
    assert flags == (False, False, False)


def test_each_version_is_a_document(loaded: Any) -> None:
    loaded(study())
    loaded(study(sponsorCollaboratorsModule=sponsor("Other")))
    assert Document.objects.count() == StorageObject.objects.count() == 2
    assert set(StorageObject.objects.values_list("refcount", flat=True)) == {1}


def test_changed_primary_endpoint_is_flagged(loaded: Any) -> None:
    loaded(study())
    loaded(study(outcomesModule={"primaryOutcomes": [{"measure": "Progression-free survival"}]}))
    assert latest().changed_primary_endpoint is True
    assert latest().changed_sample_size is False
    assert Trial.objects.get().primary_endpoint_text == "Progression-free survival"


def test_changed_sample_size_is_flagged_with_the_difference(loaded: Any) -> None:
    loaded(study())
    loaded(study(designModule={**study()["protocolSection"]["designModule"], "enrollmentInfo": {"count": 250}}))
    version = latest()
    assert (version.changed_sample_size, version.sample_size_delta, version.sample_size) == (True, -150, 250)
    assert version.changed_primary_endpoint is False


def test_changed_analysis_plan_is_flagged(loaded: Any) -> None:
    loaded(study())
    design = study()["protocolSection"]["designModule"]
    loaded(study(designModule={**design, "designInfo": {"allocation": "NON_RANDOMIZED"}}))
    assert latest().changed_analysis_plan is True


def test_missing_parts_of_a_record_are_kept(loaded: Any) -> None:
    loaded(study())
    loaded(study(outcomesModule=None, designModule=None, conditionsModule=None, statusModule=None))
    trial, version = Trial.objects.get(), latest()
    assert (trial.phase, trial.is_pivotal, trial.status) == ("PHASE3", True, "RECRUITING")
    assert trial.primary_endpoint_text == "Overall survival [24 months]"
    flags = (version.changed_primary_endpoint, version.changed_sample_size, version.changed_analysis_plan)
    assert flags == (False, False, False)
    assert version.sample_size_delta is None


@pytest.mark.parametrize(
    "noise",
    [
        {"_shape": "other"},
        {"derivedSection": {"miscInfoModule": {"versionHolder": "2026-01-02"}}},
    ],
)
def test_noise_is_not_a_change(loaded: Any, noise: Json) -> None:
    loaded(study())
    outcome = loaded({**study(), **noise})
    assert outcome.row("trials") == (0, 0, 1, 0)
    assert TrialVersion.objects.count() == Document.objects.count() == 1


def test_older_record_is_an_earlier_version(loaded: Any) -> None:
    loaded(study(statusModule=status(overallStatus="COMPLETED", posted="2025-05-01")))
    outcome = loaded(study(statusModule=status(overallStatus="RECRUITING", posted="2024-05-01")))
    assert outcome.row("trials") == (0, 0, 1, 0)
    assert outcome.row("versions") == (1, 0, 0, 0)
    assert "1 records are older than the stored ones: earlier versions." in outcome.out
    assert Trial.objects.get().status == "COMPLETED"
    assert TrialVersion.objects.get(changes_jsonb__isnull=True).last_update_posted_date == date(2024, 5, 1)


def test_record_that_returns_to_an_earlier_state_adds_no_version(loaded: Any) -> None:
    one, other = study(), study(sponsorCollaboratorsModule=sponsor("Other"))
    loaded(one)
    loaded(other)
    outcome = loaded(one)
    assert outcome.row("trials") == (0, 1, 0, 0)
    assert outcome.row("versions") == (0, 0, 0, 0)
    assert Trial.objects.get().sponsor_text == "Example Therapeutics, Inc."
    assert loaded(one).row("trials") == (0, 0, 1, 0)


def other_trial(**fields: Any) -> Trial:
    """A trial of another program."""
    seen = datetime(2025, 1, 1, tzinfo=UTC)
    return Trial.objects.create(**{"nct_id": "NCT00000001", "is_pivotal": False, "last_seen_at": seen, **fields})


def test_trial_of_another_program_is_updated(loaded: Any) -> None:
    trial = other_trial(phase="PHASE1", current_sha256="0" * 64)
    outcome = loaded(study())
    assert outcome.row("trials") == (0, 1, 0, 0)
    trial.refresh_from_db()
    assert (trial.phase, trial.is_pivotal) == ("PHASE3", True)
    assert TrialVersion.objects.get().changes_jsonb is None


def test_record_captured_by_another_program_adds_no_version(loaded: Any) -> None:
    trial = other_trial(current_sha256="1" * 64)
    TrialVersion.objects.create(
        trial=trial, captured_at=datetime(2025, 1, 1, tzinfo=UTC), raw_jsonb=study(), sha256="1" * 64
    )
    outcome = loaded(study())
    assert outcome.row("versions") == (0, 0, 0, 0)
    assert outcome.row("documents") == (1, 0, 0, 0)
    assert loaded(study()).row("trials") == (0, 0, 1, 0)


def test_new_drug_is_proposed_and_earlier_proposals_are_kept(loaded: Any) -> None:
    loaded(study(armsInterventionsModule=interventions("Examplumab")))
    LinkAudit.objects.update(label=True, label_source="human_review", reviewed_by="rita", review_notes="seen")
    before = LinkAudit.objects.values().get()
    outcome = loaded(study(armsInterventionsModule=interventions("Examplumab", "Otherinib")))
    assert outcome.row("links") == (1, 0, 1, 0)
    assert LinkAudit.objects.values().get(pk=before["audit_id"]) == before


statuses = st.sampled_from(["RECRUITING", "COMPLETED", "TERMINATED"])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(statuses, min_size=1, max_size=6))
def test_version_count_is_the_number_of_different_records(loaded: Any, history: list[str]) -> None:
    Trial.objects.all().delete()
    for overall in history:
        loaded(study(statusModule={"overallStatus": overall}))
    assert TrialVersion.objects.count() == len(set(history))
    assert Trial.objects.get().status == history[-1]
