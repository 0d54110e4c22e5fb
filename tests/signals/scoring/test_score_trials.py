"""score_trials: results, repeated and replaced runs, invalid arguments."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from signals.explanation.trial_facts import load_score
from signals.formulas import SIGNALS
from signals.models import Gate, Score, ScoreRun, Signal, TrialCurrentScore
from signals.registry_signals.evaluation import evaluate_registry_signals
from signals.scoring.run import score_trials
from signals.scoring.verification import VerificationCounts, find_mismatches
from signals.trials.runs import list_latest_runs
from tests.signals.scoring.commands import fail_command, run_command, stored_rows
from tests.signals.scoring.rows import (
    ago,
    ahead,
    at,
    make_evaluation,
    make_signals,
    make_study,
    make_trial,
    make_version,
)

pytestmark = pytest.mark.django_db


def test_score_follows_from_the_gates_of_the_signals() -> None:
    trial = make_trial(est_primary_completion_date=ahead(100))
    make_signals(trial, "S1H", "S2M", "S9L")
    make_evaluation(trial, "S3", "not fired", ago(2))
    assert "1 trials scored, 1 scores written; 4 gates changed" in run_command("--run-id", "one")

    found = Score.objects.get(run_id="one")
    assert (found.prior_pi, found.sum_log_lr) == (Decimal("0.42000"), Decimal("1.609438"))
    assert (found.logit_prior, found.logit_post) == (Decimal("-0.322773"), Decimal("1.286665"))
    assert found.p_fail == Decimal("0.78358")
    assert found.features_frozen_at is None
    assert found.metadata == {
        "table_version": "2026-11",
        "as_of": None,
        "prior": {"phase": "PHASE3", "value": 0.42},
        "signals": {"S1": "H", "S2": "M", "S9": "L"},
        "late": [],
        "gates": {"G1": {"lr_used": 5.0, "supporting_S_ids": ["S1", "S2"]}},
        "not_fired": ["S3"],
        "not_evaluated": ["S4", "S5", "S6", "S7", "S8"],
        "stop_rules": [],
    }
    gates = {gate.g_id: gate for gate in Gate.objects.filter(trial=trial)}
    assert [code for code, gate in sorted(gates.items()) if gate.fired_bool] == ["G1"]
    assert gates["G1"].supporting_s_ids == ["S1", "S2"]
    assert gates["G1"].lr_used == Decimal("5.000000")
    assert gates["G1"].metadata == {"run_id": "one", "table_version": "2026-11", "signals": {"S1": "H", "S2": "M"}}
    assert gates["G4"].metadata["signals"] == {"S1": "H"}
    assert gates["G4"].metadata["not_fired"] == ["S3"]
    assert gates["G4"].rationale_text == ("p-Hacking did not fire: S1 fired; S3 did not fire; S8 was not evaluated.")
    assert gates["G4"].lr_used is None
    assert TrialCurrentScore.objects.get(trial=trial).p_fail == found.p_fail


def test_score_without_signals_is_the_prior() -> None:
    make_trial(phase="PHASE2")
    score_trials("one")
    found = Score.objects.get()
    assert (found.p_fail, found.sum_log_lr) == (Decimal("0.71000"), Decimal(0))
    assert found.metadata["not_evaluated"] == list(SIGNALS)
    assert not Gate.objects.filter(fired_bool=True).exists()


def test_repeated_run_writes_nothing() -> None:
    make_signals(make_trial(), "S3M", "S4H")
    make_trial(phase="PHASE1/PHASE2")
    run_command("--run-id", "one")
    before = stored_rows()
    summary = run_command("--run-id", "one")
    assert "0 scores written; 0 gates changed" in summary
    assert "The run exists with the same results." in summary
    assert stored_rows() == before


def test_run_with_different_results_needs_replace() -> None:
    trial, other = make_trial(), make_trial()
    score_trials("one")
    make_signals(trial, "S1H", "S2H")
    make_trial()
    before = stored_rows()
    code, message = fail_command("--run-id", "one")
    assert code == 3
    assert "Run one exists with different results for 2 trials" in message
    assert "--replace" in message
    assert stored_rows() == before
    unchanged = Score.objects.get(trial=other)
    assert "3 trials scored, 2 scores written" in run_command("--run-id", "one", "--replace")
    assert Score.objects.get(trial=trial).metadata["signals"] == {"S1": "H", "S2": "H"}
    assert Score.objects.get(trial=other).scored_at == unchanged.scored_at


def test_replacing_deletes_scores_and_gates_of_trials_that_are_no_longer_scored() -> None:
    trial = make_trial()
    score_trials("one")
    trial.phase = "NA"
    trial.save()
    summary = run_command("--run-id", "one", "--replace")
    assert "0 trials scored, 0 scores written, 1 removed; 4 gates changed" in summary
    assert "1 trials not scored, no prior for their phase (NA: 1)" in summary
    assert not Score.objects.exists()
    assert not Gate.objects.exists()


def test_gates_of_other_programs_are_kept_for_unscored_trials() -> None:
    gate = Gate.objects.create(
        trial=make_trial(phase=None), g_id="G1", fired_bool=False, supporting_s_ids=[], metadata={"run_id": "its own"}
    )
    summary = run_command("--run-id", "one")
    assert "no phase: 1" in summary
    assert Gate.objects.get() == gate


def test_gates_belong_to_the_latest_run_and_scores_to_every_run() -> None:
    trial = make_trial()
    make_signals(trial, "S1M", "S2M")
    score_trials("one")
    Signal.objects.filter(trial=trial, s_id="S2").delete()
    score_trials("two")
    assert not Gate.objects.filter(fired_bool=True).exists()
    written_by = dict(Gate.objects.values_list("g_id", "metadata__run_id"))
    assert written_by == {"G1": "two", "G2": "one", "G3": "one", "G4": "one"}
    assert Score.objects.get(run_id="one").metadata["gates"]["G1"]["lr_used"] == 3.5
    current = TrialCurrentScore.objects.get(trial=trial)
    assert (current.run_id, current.previous_run_id) == ("two", "one")
    assert current.change is not None
    assert current.change < 0


@pytest.mark.parametrize(
    ("readout", "fired_days_ago", "counts"), [(100, 1, True), (10, 5, True), (10, 3, False), (-30, 50, True)]
)
def test_signals_after_the_freeze_are_late(readout: int, fired_days_ago: int, counts: bool) -> None:
    trial = make_trial(est_primary_completion_date=ahead(readout))
    make_signals(trial, "S3M", "S4M", fired_at=ago(fired_days_ago))
    score_trials("one")
    found = Score.objects.get()
    assert (found.metadata["signals"] == {"S3": "M", "S4": "M"}) is counts
    assert (found.metadata["late"] == ["S3", "S4"]) is not counts
    assert (found.features_frozen_at is not None) is (readout < 14)
    if found.features_frozen_at:
        assert (ahead(readout) - found.features_frozen_at.date()).days == 14
    assert sorted([*found.metadata["signals"], *found.metadata["late"], *found.metadata["not_evaluated"]]) == [*SIGNALS]


def test_signal_at_the_freeze_counts() -> None:
    trial = make_trial(est_primary_completion_date=date(2026, 3, 15))
    make_signals(trial, "S3M", fired_at=at("2026-03-01"))
    make_signals(trial, "S4M", fired_at=at("2026-03-01") + timedelta(microseconds=1))
    score_trials("one")
    found = Score.objects.get()
    assert found.features_frozen_at == at("2026-03-01")
    assert (found.metadata["signals"], found.metadata["late"]) == ({"S3": "M"}, ["S4"])
    assert list(find_mismatches(VerificationCounts())) == []


def test_card_after_the_freeze_meets_no_stop_rule() -> None:
    card = {"design": {"endpoint_changed_after_last_randomised": True}}
    late, early = (make_trial(est_primary_completion_date=ahead(readout), is_pivotal=False) for readout in (2, 60))
    for trial in (late, early):
        make_study(trial=trial, extracted_jsonb=card, updated_at=ago(1))
    score_trials("one")
    assert Score.objects.get(trial=late).metadata["stop_rules"] == []
    assert Score.objects.get(trial=early).p_fail == Decimal("0.97000")


PER_PROTOCOL = {"intention_to_treat": {"p_value": 0.21}, "per_protocol": {"p_value": "<0.001"}}


@pytest.mark.parametrize(
    ("card", "rules"),
    [
        ({"populations": {"itt_missing_share": 0.21}, "results": PER_PROTOCOL}, ["per_protocol_only"]),
        ({"populations": {"itt_missing_share": "0.26"}, "results": PER_PROTOCOL}, ["per_protocol_only"]),
        ({"populations": {"itt_missing_share": 0.20}, "results": PER_PROTOCOL}, []),
        ({"populations": {"itt_missing_share": "a fifth"}, "results": PER_PROTOCOL}, []),
        ({"results": PER_PROTOCOL}, []),
        (
            {"design": {"masking": "open label", "subjective_endpoint": True, "blinding_feasible": True}},
            ["open_label_subjective"],
        ),
        ({"design": {"masking": "open label", "subjective_endpoint": True}}, []),
        ({"design": {"masking": "open label", "subjective_endpoint": "true", "blinding_feasible": True}}, []),
        ({"design": "open label"}, []),
        ({"design": [{"masking": "open label"}, {"subjective_endpoint": True, "blinding_feasible": True}]}, []),
        (
            {
                "populations": {"itt_missing_share": [0.1, 0.3]},
                "results": {"intention_to_treat": [{"p_value": 0.21}], "per_protocol": [{"p_value": 0.01}]},
            },
            [],
        ),
        ({"populations": {"itt_missing_share": "NaN"}, "results": PER_PROTOCOL}, []),
        ({"populations": {"itt_missing_share": 1e300}, "results": PER_PROTOCOL}, ["per_protocol_only"]),
        ([1, 2], []),
        (None, []),
    ],
)
def test_stop_rule_needs_all_its_fields(card: Any, rules: list[str]) -> None:
    make_study(trial=make_trial(is_pivotal=False), extracted_jsonb=card)
    score_trials("one")
    found = Score.objects.get()
    assert [rule["rule"] for rule in found.metadata["stop_rules"]] == rules
    assert found.p_fail == (Decimal("0.97000") if rules else Decimal("0.42000"))


def test_fields_of_two_cards_are_not_combined() -> None:
    trial = make_trial(is_pivotal=False)
    make_study(trial=trial, extracted_jsonb={"results": PER_PROTOCOL})
    make_study(trial=trial, extracted_jsonb={"populations": {"itt_missing_share": 0.4}})
    score_trials("one")
    assert Score.objects.get().metadata["stop_rules"] == []


def test_signal_metadata_meets_a_stop_rule() -> None:
    make_signals(make_trial(), "S1H", metadata={"after_last_patient_randomised": True})
    make_signals(make_trial(), "S1H", metadata={"after_last_patient_randomised": False})
    score_trials("one")
    assert sorted(Score.objects.values_list("p_fail", flat=True)) == [Decimal("0.42000"), Decimal("0.97000")]
    (stop,) = [rule for one in Score.objects.all() for rule in one.metadata["stop_rules"]]
    assert stop["rule"] == "endpoint_switched"
    assert stop["p_fail_at_least"] == 0.97


def test_repeated_earlier_run_keeps_the_gates_of_the_later_run() -> None:
    make_signals(make_trial(), "S1H", "S2H")
    score_trials("one")
    score_trials("two")
    before = stored_rows()
    summary = run_command("--run-id", "one")
    assert "0 scores written; 0 gates changed" in summary
    assert "A later run owns the gates; they were not changed." in summary
    assert "0 scores written; 0 gates changed" in run_command("--run-id", "one", "--replace")
    assert stored_rows() == before


def test_replaced_run_becomes_current_for_every_trial() -> None:
    trial, other = make_trial(), make_trial()
    score_trials("one")
    score_trials("two")
    make_signals(trial, "S1H", "S2H")
    assert "2 scores written; 2 gates changed" in run_command("--run-id", "one", "--replace")
    assert set(TrialCurrentScore.objects.values_list("run_id", flat=True)) == {"one"}
    assert set(Gate.objects.values_list("metadata__run_id", flat=True)) == {"one"}
    assert TrialCurrentScore.objects.get(trial=other).previous_run_id == "two"
    assert list(find_mismatches(VerificationCounts())) == []


@pytest.mark.parametrize("readout", ["-infinity", "infinity", "0001-01-01", "5874897-12-31", "4713-01-01 BC"])
def test_impossible_readout_freezes_nothing(readout: str) -> None:
    trial = make_trial()
    make_signals(trial, "S3M", "S4M")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE trials SET est_primary_completion_date = %s", [readout])
    score_trials("one")
    evaluate_registry_signals()
    assert Score.objects.get().features_frozen_at is None
    assert Score.objects.get().metadata["late"] == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--run-id", "x", "--as-of", "2999-01-01"], "is in the future"),
        (["--run-id", "x", "--as-of", "yesterday"], "is not a date. Write YYYY-MM-DD"),
        (["--run-id", "x", "--as-of", "20260101"], "is not a date. Write YYYY-MM-DD"),
        (["--run-id", "x", "--as-of", "2026-W05-1"], "is not a date. Write YYYY-MM-DD"),
        (["--run-id", " "], "1 to 50 printable characters"),
        (["--run-id", "x" * 51], "1 to 50 printable characters"),
        (["--run-id", "a\nb"], "1 to 50 printable characters"),
    ],
)
def test_invalid_run_is_a_usage_error(arguments: list[str], problem: str) -> None:
    code, message = fail_command(*arguments)
    assert code == 2
    assert problem in message


def test_dry_run_reports_and_changes_nothing() -> None:
    make_signals(make_trial(), "S3H", "S4H")
    summary = run_command("--run-id", "one", "--dry-run")
    assert "1 trials scored, 1 scores written; 4 gates changed" in summary
    assert "Dry run: nothing was changed." in summary
    assert not Score.objects.exists()
    assert not Gate.objects.exists()


def test_run_writes_no_gate_that_is_unchanged() -> None:
    trial = make_trial()
    make_signals(trial, "S1H", "S2H")
    score_trials("one")
    before = list(Gate.objects.order_by("pk").values())
    make_evaluation(trial, "S2", "fired", ago(0))
    assert score_trials("two").gates == 0
    assert list(Gate.objects.order_by("pk").values()) == before
    counts = VerificationCounts()
    assert list(find_mismatches(counts)) == []
    assert (counts.gates, counts.stale) == (4, 0)
    for run, verified in (("one", 0), ("two", 4)):
        counts = VerificationCounts()
        assert list(find_mismatches(counts, run)) == []
        assert counts.gates == verified


def test_gate_of_another_program_is_replaced() -> None:
    make_signals(make_trial(), "S1H", "S2H")
    score_trials("one")
    gate = Gate.objects.get(g_id="G1")
    Gate.objects.filter(pk=gate.pk).update(metadata={**gate.metadata, "run_id": "its own"})
    Gate.objects.filter(g_id="G2").update(metadata="a text")
    assert score_trials("two").gates == 2
    assert Gate.objects.get(g_id="G1").metadata == {**gate.metadata, "run_id": "two"}


def test_run_is_recorded() -> None:
    make_trial()
    score_trials("one")
    make_version(make_trial(), ago(60))
    score_trials("then", as_of=ago(30).date())
    fields = ("run_id", "state", "table_version", "has_gates", "trial_count")
    assert list(ScoreRun.objects.order_by("run_id").values_list(*fields)) == [
        ("one", "complete", "2026-11", True, 1),
        ("then", "complete", "2026-11", False, 1),
    ]
    assert ScoreRun.objects.get(run_id="then").moment == at(str(ago(30).date()))


def test_readers_do_not_see_a_run_that_is_not_complete() -> None:
    trial = make_trial()
    score_trials("one")
    score_trials("two")
    ScoreRun.objects.filter(run_id="two").update(state="running")
    assert [run.run_id for run in list_latest_runs()] == ["one"]
    assert [score.run_id for score in Score.objects.all()] == ["one"]
    scored = load_score(trial.trial_id)
    assert scored is not None
    assert [run.run_id for run in scored.runs] == ["one"]
    assert load_score(trial.trial_id, "two") is None
    assert TrialCurrentScore.objects.get().run_id == "one"
    # Its rows are replaced.
    make_signals(trial, "S3H", "S4H")
    assert score_trials("two").written == 1
    assert TrialCurrentScore.objects.get().run_id == "two"


def test_run_without_trials_is_empty() -> None:
    assert "0 trials scored, 0 scores written; 0 gates changed; 0 trials not scored" in run_command("--run-id", "one")


def test_statement_count_is_independent_of_trial_count() -> None:
    make_signals(make_trial(), "S1H", "S2H")
    with CaptureQueriesContext(connection) as few:
        score_trials("one")
    for severity in "HML":
        for phase in ("PHASE1", "PHASE2", "PHASE3", "NA"):
            make_signals(make_trial(phase=phase), f"S1{severity}", f"S2{severity}", "S8M")
    with CaptureQueriesContext(connection) as many:
        score_trials("two")
    assert len(many) == len(few) <= 29
