"""Registry signals: S1 from the versions of a record, S7 from its design."""

from datetime import UTC, date, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from signals.models import Score, Signal, SignalEvaluation, TrialVersion
from signals.registry_signals.evaluation import EVALUATED_BY, evaluate_registry_signals
from signals.scoring.run import score_trials
from signals.scoring.verification import VerificationCounts, find_mismatches
from tests.signals.scoring.rows import at, make_signals, make_trial, make_version

pytestmark = pytest.mark.django_db
SINGLE = {"allocation": "NA", "interventionModel": "SINGLE_GROUP"}
OTHER = "Progression-free survival [12 months]"


def outcome(code: str) -> tuple[str, str]:
    latest = SignalEvaluation.objects.filter(s_id=code).latest("evaluated_at")
    return latest.outcome, latest.reason


def two_versions(**later: Any) -> TrialVersion:
    trial = make_trial()
    before = {name: later.pop(f"before_{name}") for name in ("status", "completion") if f"before_{name}" in later}
    make_version(trial, at("2025-01-01"), **before)
    return make_version(
        trial, at("2025-06-01"), **{"changed_primary_endpoint": True, "primary_endpoint_text": OTHER, **later}
    )


def test_changed_endpoint_fires_with_both_wordings() -> None:
    version = two_versions(last_update_posted_date=date(2025, 5, 20))
    evaluate_registry_signals()
    signal = Signal.objects.get()
    assert (signal.s_id, signal.severity) == ("S1", "M")
    assert signal.fired_at == datetime(2025, 5, 20, tzinfo=UTC)
    assert signal.evidence_span == f"“Overall survival [24 months]” became “{OTHER}” on 2025-05-20."
    assert signal.metadata["source"] == "registry record"
    assert signal.metadata["trial_version_ids"][1] == version.pk
    assert signal.metadata["after_last_patient_randomised"] is False
    assert outcome("S1") == ("fired", "The primary endpoint changed during the trial.")


def test_posting_date_after_the_capture_is_ignored() -> None:
    two_versions(last_update_posted_date=date(2025, 9, 1))
    evaluate_registry_signals()
    assert Signal.objects.get().fired_at == at("2025-06-01")


@pytest.mark.parametrize(
    ("given", "severity", "closed"),
    [
        ({"before_status": "ACTIVE_NOT_RECRUITING"}, "H", True),
        ({"before_status": "COMPLETED"}, "H", True),
        ({"before_status": "RECRUITING", "status": "COMPLETED"}, "M", False),
        ({"before_status": "SUSPENDED"}, "M", None),
        ({"before_completion": "2025-03", "completion": "2025-03"}, "H", False),
        ({"before_completion": "2026-05-31"}, "H", False),
        ({"before_completion": "2026-06-02"}, "M", False),
        ({"before_completion": "", "completion": "2025-12"}, "H", False),
        ({"before_completion": "", "completion": ""}, "M", False),
        ({"primary_endpoint_text": "Overall survival [36 months]"}, "L", False),
        ({"primary_endpoint_text": "Overall survival [36 months]", "before_status": "COMPLETED"}, "H", True),
        ({"primary_endpoint_text": None}, "M", False),
    ],
)
def test_severity_of_an_endpoint_change(given: dict[str, Any], severity: str, closed: bool | None) -> None:
    two_versions(**given)
    evaluate_registry_signals()
    signal = Signal.objects.get()
    assert signal.severity == severity
    assert signal.metadata.get("after_last_patient_randomised") is closed


def test_change_after_enrollment_closed_meets_the_stop_rule() -> None:
    two_versions(before_status="ACTIVE_NOT_RECRUITING")
    evaluate_registry_signals()
    score_trials("one")
    assert [rule["rule"] for rule in Score.objects.get().metadata["stop_rules"]] == ["endpoint_switched"]


@pytest.mark.parametrize(
    "wording", ["overall  Survival [24 months].", "OVERALL SURVIVAL (24 months)", "Overall survival [24 months]"]
)
def test_spelling_is_no_change(wording: str) -> None:
    two_versions(primary_endpoint_text=wording)
    evaluate_registry_signals()
    assert not Signal.objects.exists()
    assert outcome("S1") == ("not fired", "2 record versions state the same primary endpoint.")


def test_missing_data_is_not_evaluated() -> None:
    lone = make_trial(is_pivotal=False)
    make_version(lone, at("2025-01-01"))
    evaluate_registry_signals()
    assert not Signal.objects.exists()
    assert outcome("S1") == ("not evaluated", "Only one record version is stored.")
    assert outcome("S7") == ("not evaluated", "Not a pivotal phase 3 trial.")
    make_version(lone, at("2025-02-01"), primary_endpoint_text=None)
    evaluate_registry_signals()
    assert outcome("S1")[0] == "not evaluated"


def test_trial_without_versions_is_not_evaluated() -> None:
    make_trial()
    evaluate_registry_signals()
    assert outcome("S1") == outcome("S7") == ("not evaluated", "No record version is stored.")


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"allocation": "RANDOMIZED", "interventionModel": "PARALLEL"}, "not fired"),
        ({"allocation": "RANDOMIZED"}, "not fired"),
        ({"allocation": "NA", "interventionModel": "SINGLE_GROUP"}, "fired"),
        ({"allocation": "NON_RANDOMIZED", "interventionModel": "SINGLE_GROUP"}, "fired"),
        ({"allocation": "N/A", "interventionModel": "Single Group Assignment"}, "fired"),
        ({"allocation": "NA"}, "not evaluated"),
        ({"allocation": "NON_RANDOMIZED"}, "not evaluated"),
        ({"allocation": "NON_RANDOMIZED", "interventionModel": "PARALLEL"}, "not evaluated"),
        ({"allocation": "RANDOMIZED", "interventionModel": "SINGLE_GROUP"}, "not evaluated"),
        ({"allocation": "NA", "interventionModel": "PARALLEL"}, "not evaluated"),
        ({"interventionModel": "SINGLE_GROUP"}, "not evaluated"),
        ({}, "not evaluated"),
        ([], "not evaluated"),
        (None, "not evaluated"),
        ({"allocation": 7, "interventionModel": {"a": 1}}, "not evaluated"),
    ],
)
def test_single_arm_follows_the_stated_design(info: Any, expected: str) -> None:
    make_version(make_trial(), at("2025-01-01"), info=info, last_update_posted_date=date(2024, 12, 5))
    evaluate_registry_signals()
    assert outcome("S7")[0] == expected
    fired = [(one.s_id, one.severity, one.fired_at) for one in Signal.objects.all()]
    assert fired == ([("S7", "M", at("2024-12-05"))] if expected == "fired" else [])


def identified(title: str) -> dict[str, Any]:
    return {"identificationModule": {"briefTitle": title}}


@pytest.mark.parametrize(
    ("given", "expected", "reason"),
    [
        ({"modules": identified("Extension Study of Examplumab")}, "not fired", 'Its title has "Extension"'),
        ({"modules": identified("A Roll-over Study of Examplumab")}, "not fired", 'Its title has "Roll-over"'),
        ({"modules": identified("Long-term Safety of Examplumab")}, "not fired", 'Its title has "Long-term"'),
        ({"status": "ENROLLING_BY_INVITATION"}, "not fired", "It enrolls by invitation only"),
        ({"modules": identified("AAV5-FIX Gene Therapy")}, "not evaluated", "Needs a reviewer: gene or cell therapy"),
        (
            {"modules": {"conditionsModule": {"conditions": ["Spinal Muscular Atrophy"]}}},
            "not evaluated",
            "Needs a reviewer: rare or inherited disease",
        ),
        (
            {"modules": {"eligibilityModule": {"stdAges": ["CHILD"]}}},
            "not evaluated",
            "Needs a reviewer: children only",
        ),
        (
            {"modules": identified("Examplumab in Japanese Participants")},
            "not evaluated",
            'Needs a reviewer: bridging study in one country ("Japanese Participants")',
        ),
        (
            {"modules": {"armsInterventionsModule": {"interventions": [{"type": "GENETIC", "name": "x"}]}}},
            "not evaluated",
            "Needs a reviewer: gene therapy",
        ),
        ({"primary_endpoint_text": "Adverse events [1 year]"}, "not evaluated", "Needs a reviewer: its first primary"),
        (
            {
                "primary_endpoint_text": "Adverse events [1 year]",
                "modules": identified("First Line Examplumab in Advanced Hepatocellular Carcinoma"),
            },
            "fired",
            "Single arm in a pivotal phase 3 trial",
        ),
        ({"modules": identified("Examplumab for Chronic Cluster Headache")}, "fired", "Single arm"),
    ],
)
def test_single_arm_by_necessity_or_design_does_not_fire(given: dict[str, Any], expected: str, reason: str) -> None:
    make_version(make_trial(), at("2025-01-01"), info=SINGLE, **given)
    evaluate_registry_signals()
    assert outcome("S7")[0] == expected
    assert outcome("S7")[1].startswith(reason)


def test_design_is_that_of_the_latest_version_that_states_one() -> None:
    trial = make_trial()
    stating = make_version(trial, at("2025-01-01"), info=SINGLE)
    make_version(trial, at("2025-02-01"), info={})
    evaluate_registry_signals()
    assert outcome("S7")[0] == "fired"
    randomized = make_version(trial, at("2025-03-01"))
    evaluate_registry_signals()
    assert outcome("S7")[0] == "not fired"
    trial.current_sha256 = stating.sha256
    trial.save()
    evaluate_registry_signals()
    assert outcome("S7")[0] == "fired"
    assert Signal.objects.get().metadata["trial_version_ids"] == [stating.pk]
    assert randomized.pk != stating.pk


def test_single_arm_fires_for_pivotal_phase_3_only() -> None:
    for fields in ({"phase": "PHASE2"}, {"is_pivotal": False}, {"phase": None}):
        make_version(make_trial(**fields), at("2025-01-01"), info=SINGLE)
    evaluate_registry_signals()
    assert not Signal.objects.exists()


def test_repeated_run_writes_nothing() -> None:
    two_versions()
    call_command("fire_registry_signals", stdout=StringIO())
    out = StringIO()
    call_command("fire_registry_signals", stdout=out)
    assert "0 signals written, 0 deleted; 0 evaluations added" in out.getvalue()
    assert SignalEvaluation.objects.count() == 2
    assert set(SignalEvaluation.objects.values_list("evaluated_by", flat=True)) == {EVALUATED_BY}


def test_dry_run_changes_nothing() -> None:
    two_versions()
    out = StringIO()
    call_command("fire_registry_signals", "--dry-run", stdout=out)
    assert "S1 fired: 1" in out.getvalue()
    assert not Signal.objects.exists()
    assert not SignalEvaluation.objects.exists()


def test_signals_of_pipelines_are_kept() -> None:
    version = two_versions(info=SINGLE)
    make_signals(version.trial, "S1L", "S7H", metadata={"source": "a pipeline"})
    before = list(Signal.objects.order_by("pk").values())
    done = evaluate_registry_signals()
    assert done.written == done.deleted == 0
    assert list(Signal.objects.order_by("pk").values()) == before
    version.delete()
    assert evaluate_registry_signals().deleted == 0
    assert Signal.objects.count() == 2


def test_signal_missing_in_the_latest_record_is_deleted_and_makes_gates_stale() -> None:
    trial = make_trial()
    make_signals(trial, "S5M")
    make_version(trial, at("2025-01-01"), info=SINGLE)
    evaluate_registry_signals()
    score_trials("one")
    make_version(trial, at("2025-02-01"))
    assert evaluate_registry_signals().deleted == 1
    assert outcome("S7")[0] == "not fired"
    assert list(
        SignalEvaluation.objects.filter(s_id="S7").order_by("evaluated_at").values_list("outcome", flat=True)
    ) == [
        "fired",
        "not fired",
    ]
    counts = VerificationCounts()
    assert list(find_mismatches(counts)) == []
    assert counts.stale == 1


def test_signal_is_updated_with_its_record() -> None:
    version = two_versions()
    evaluate_registry_signals()
    make_version(
        version.trial,
        at("2025-09-01"),
        status="COMPLETED",
        completion="2025-08",
        changed_primary_endpoint=True,
        primary_endpoint_text="Response rate [6 months]",
    )
    done = evaluate_registry_signals()
    assert (done.written, done.deleted) == (1, 0)
    signal = Signal.objects.get()
    assert signal.severity == "M"
    assert signal.metadata["changes"] == 2
    assert outcome("S1")[1].endswith("; 2 changes in total.")


def test_later_versions_are_ignored_as_of_a_moment() -> None:
    two_versions()
    evaluate_registry_signals(moment=at("2025-03-01"))
    assert not Signal.objects.exists()
    assert SignalEvaluation.objects.filter(evaluated_at=at("2025-03-01")).count() == 2


def test_single_arm_fires_at_the_first_version_that_states_it() -> None:
    trial = make_trial()
    make_version(trial, at("2024-01-01"), info=SINGLE)
    make_version(trial, at("2024-02-01"))
    first = make_version(trial, at("2024-03-01"), info=SINGLE)
    evaluate_registry_signals()
    make_version(trial, at("2024-04-01"), info={})
    make_version(trial, at("2024-05-01"), info=SINGLE, status="COMPLETED")
    done = evaluate_registry_signals()
    assert (done.written, done.deleted) == (0, 0)
    signal = Signal.objects.get()
    assert signal.fired_at == at("2024-03-01")
    assert signal.metadata["trial_version_ids"] == [first.pk]


def test_change_before_the_freeze_outranks_a_worse_later_one() -> None:
    trial = make_trial(est_primary_completion_date=date(2026, 3, 1))
    make_version(trial, at("2024-01-01"), completion="2026-03")
    make_version(trial, at("2024-06-01"), completion="2026-03", primary_endpoint_text=OTHER, status="COMPLETED")
    make_version(trial, at("2026-04-01"), completion="2026-03", primary_endpoint_text="Response rate")
    evaluate_registry_signals()
    signal = Signal.objects.get()
    assert (signal.severity, signal.fired_at) == ("M", at("2024-06-01"))
    assert (
        outcome("S1")[1]
        == "The primary endpoint changed during the trial; 2 changes in total, 1 after the feature freeze."
    )
    make_signals(trial, "S2M", fired_at=at("2024-06-01"))
    score_trials("one")
    found = Score.objects.get()
    assert found.metadata["gates"]["G1"]["lr_used"] == 3.5
    assert found.metadata["late"] == found.metadata["stop_rules"] == []


def test_only_change_after_the_freeze_is_reported_but_does_not_count() -> None:
    trial = make_trial(est_primary_completion_date=date(2026, 3, 1))
    make_version(trial, at("2024-01-01"), completion="2026-03", status="COMPLETED")
    make_version(trial, at("2026-04-01"), completion="2026-03", primary_endpoint_text="Response rate")
    evaluate_registry_signals()
    score_trials("one")
    assert Signal.objects.get().severity == "H"
    assert Score.objects.get().metadata["late"] == ["S1"]
    assert Score.objects.get().metadata["stop_rules"] == []


def test_version_without_endpoint_hides_no_change() -> None:
    trial = make_trial()
    first = make_version(trial, at("2025-01-01"))
    make_version(trial, at("2025-02-01"), primary_endpoint_text=None)
    last = make_version(trial, at("2025-03-01"), primary_endpoint_text=OTHER)
    evaluate_registry_signals()
    assert Signal.objects.get().metadata["trial_version_ids"] == [first.pk, last.pk]


def test_versions_without_endpoint_are_not_counted_as_equal() -> None:
    trial = make_trial()
    for day, endpoint in (("2025-01-01", "Response"), ("2025-02-01", None), ("2025-03-01", "response.")):
        make_version(trial, at(day), primary_endpoint_text=endpoint)
    evaluate_registry_signals()
    assert outcome("S1") == ("not fired", "2 record versions state the same primary endpoint.")
