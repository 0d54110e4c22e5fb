"""score_trials: what it writes, what it leaves, and what it refuses."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from signals.formulas import SIGNALS
from signals.models import Gate, Score, Signal, TrialCurrentScore
from signals.registry_signals.evaluation import evaluate_registry_signals
from signals.scoring.run import score
from signals.scoring.verification import VerificationCounts, find_mismatches
from tests.signals.scoring.commands import refused, score_trials, stored
from tests.signals.scoring.rows import (
    ago,
    ahead,
    at,
    make_evaluation,
    make_signals,
    make_study,
    make_trial,
)

pytestmark = pytest.mark.django_db


def test_a_trial_is_scored_by_the_gates_that_its_signals_open() -> None:
    trial = make_trial(est_primary_completion_date=ahead(100))
    make_signals(trial, "S1H", "S2M", "S9L")
    make_evaluation(trial, "S3", "not fired", ago(2))
    assert "1 trials scored, 1 scores written; 4 gates changed" in score_trials("--run-id", "one")

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


def test_without_any_signal_the_prior_is_all() -> None:
    make_trial(phase="PHASE2")
    score("one")
    found = Score.objects.get()
    assert (found.p_fail, found.sum_log_lr) == (Decimal("0.71000"), Decimal(0))
    assert found.metadata["not_evaluated"] == list(SIGNALS)
    assert not Gate.objects.filter(fired_bool=True).exists()


def test_the_same_input_writes_nothing_a_second_time() -> None:
    make_signals(make_trial(), "S3M", "S4H")
    make_trial(phase="PHASE1/PHASE2")
    score_trials("--run-id", "one")
    before = stored()
    said = score_trials("--run-id", "one")
    assert "0 scores written; 0 gates changed" in said
    assert "The run was there already, and comes to the same." in said
    assert stored() == before


def test_a_run_that_would_come_out_otherwise_is_refused_until_it_is_to_be_replaced() -> None:
    trial, other = make_trial(), make_trial()
    score("one")
    make_signals(trial, "S1H", "S2H")
    make_trial()
    before = stored()
    code, said = refused("--run-id", "one")
    assert code == 3
    assert "Run one exists, and 2 trials would come out otherwise" in said
    assert "--replace" in said
    assert stored() == before
    unchanged = Score.objects.get(trial=other)
    assert "3 trials scored, 2 scores written" in score_trials("--run-id", "one", "--replace")
    assert Score.objects.get(trial=trial).metadata["signals"] == {"S1": "H", "S2": "H"}
    assert Score.objects.get(trial=other).scored_at == unchanged.scored_at


def test_replacing_takes_away_the_scores_and_gates_of_trials_that_are_no_longer_scored() -> None:
    trial = make_trial()
    score("one")
    trial.phase = "NA"
    trial.save()
    said = score_trials("--run-id", "one", "--replace")
    assert "0 trials scored, 0 scores written, 1 removed; 4 gates changed" in said
    assert "1 trials not scored, their phases have no prior (NA: 1)" in said
    assert not Score.objects.exists()
    assert not Gate.objects.exists()


def test_gates_that_no_run_wrote_stay_where_the_trial_is_not_scored() -> None:
    gate = Gate.objects.create(
        trial=make_trial(phase=None), g_id="G1", fired_bool=False, supporting_s_ids=[], metadata={"run_id": "its own"}
    )
    said = score_trials("--run-id", "one")
    assert "no phase: 1" in said
    assert Gate.objects.get() == gate


def test_gates_hold_the_last_run_and_scores_hold_all() -> None:
    trial = make_trial()
    make_signals(trial, "S1M", "S2M")
    score("one")
    Signal.objects.filter(trial=trial, s_id="S2").delete()
    score("two")
    assert not Gate.objects.filter(fired_bool=True).exists()
    assert set(Gate.objects.values_list("metadata__run_id", flat=True)) == {"two"}
    assert Score.objects.get(run_id="one").metadata["gates"]["G1"]["lr_used"] == 3.5
    standing = TrialCurrentScore.objects.get(trial=trial)
    assert (standing.run_id, standing.previous_run_id) == ("two", "one")
    assert standing.change is not None
    assert standing.change < 0


@pytest.mark.parametrize(
    ("readout", "fired_days_ago", "counts"), [(100, 1, True), (10, 5, True), (10, 3, False), (-30, 50, True)]
)
def test_what_fires_after_the_freeze_is_late(readout: int, fired_days_ago: int, counts: bool) -> None:
    trial = make_trial(est_primary_completion_date=ahead(readout))
    make_signals(trial, "S3M", "S4M", fired_at=ago(fired_days_ago))
    score("one")
    found = Score.objects.get()
    assert (found.metadata["signals"] == {"S3": "M", "S4": "M"}) is counts
    assert (found.metadata["late"] == ["S3", "S4"]) is not counts
    assert (found.features_frozen_at is not None) is (readout < 14)
    if found.features_frozen_at:
        assert (ahead(readout) - found.features_frozen_at.date()).days == 14
    assert sorted([*found.metadata["signals"], *found.metadata["late"], *found.metadata["not_evaluated"]]) == [*SIGNALS]


def test_the_freeze_is_a_moment_in_utc_and_what_comes_at_it_counts() -> None:
    trial = make_trial(est_primary_completion_date=date(2026, 3, 15))
    make_signals(trial, "S3M", fired_at=at("2026-03-01"))
    make_signals(trial, "S4M", fired_at=at("2026-03-01") + timedelta(microseconds=1))
    score("one")
    found = Score.objects.get()
    assert found.features_frozen_at == at("2026-03-01")
    assert (found.metadata["signals"], found.metadata["late"]) == ({"S3": "M"}, ["S4"])
    assert list(find_mismatches(VerificationCounts())) == []


def test_a_card_that_came_after_the_freeze_stops_nothing() -> None:
    card = {"design": {"endpoint_changed_after_last_randomised": True}}
    late, early = (make_trial(est_primary_completion_date=ahead(readout), is_pivotal=False) for readout in (2, 60))
    for trial in (late, early):
        make_study(trial=trial, extracted_jsonb=card, updated_at=ago(1))
    score("one")
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
def test_a_stop_rule_holds_where_all_its_fields_do(card: Any, rules: list[str]) -> None:
    make_study(trial=make_trial(is_pivotal=False), extracted_jsonb=card)
    score("one")
    found = Score.objects.get()
    assert [rule["rule"] for rule in found.metadata["stop_rules"]] == rules
    assert found.p_fail == (Decimal("0.97000") if rules else Decimal("0.42000"))


def test_fields_of_two_cards_are_not_put_together() -> None:
    trial = make_trial(is_pivotal=False)
    make_study(trial=trial, extracted_jsonb={"results": PER_PROTOCOL})
    make_study(trial=trial, extracted_jsonb={"populations": {"itt_missing_share": 0.4}})
    score("one")
    assert Score.objects.get().metadata["stop_rules"] == []


def test_a_signal_may_tell_that_the_endpoint_was_switched_too_late() -> None:
    make_signals(make_trial(), "S1H", metadata={"after_last_patient_randomised": True})
    make_signals(make_trial(), "S1H", metadata={"after_last_patient_randomised": False})
    score("one")
    assert sorted(Score.objects.values_list("p_fail", flat=True)) == [Decimal("0.42000"), Decimal("0.97000")]
    (stop,) = [rule for one in Score.objects.all() for rule in one.metadata["stop_rules"]]
    assert stop["rule"] == "endpoint_switched"
    assert stop["p_fail_at_least"] == 0.97


def test_a_run_that_another_one_followed_leaves_the_gates_where_it_comes_to_the_same() -> None:
    make_signals(make_trial(), "S1H", "S2H")
    score("one")
    score("two")
    before = stored()
    said = score_trials("--run-id", "one")
    assert "0 scores written; 0 gates changed" in said
    assert "Another run came after it: the gates stay those of that one." in said
    assert "0 scores written; 0 gates changed" in score_trials("--run-id", "one", "--replace")
    assert stored() == before


def test_a_run_that_is_written_anew_after_another_one_is_the_current_one_for_every_trial() -> None:
    trial, other = make_trial(), make_trial()
    score("one")
    score("two")
    make_signals(trial, "S1H", "S2H")
    assert "2 scores written; 8 gates changed" in score_trials("--run-id", "one", "--replace")
    assert set(TrialCurrentScore.objects.values_list("run_id", flat=True)) == {"one"}
    assert set(Gate.objects.values_list("metadata__run_id", flat=True)) == {"one"}
    assert TrialCurrentScore.objects.get(trial=other).previous_run_id == "two"
    assert list(find_mismatches(VerificationCounts())) == []


@pytest.mark.parametrize("readout", ["-infinity", "infinity", "0001-01-01", "5874897-12-31", "4713-01-01 BC"])
def test_a_readout_that_no_calendar_has_freezes_nothing(readout: str) -> None:
    trial = make_trial()
    make_signals(trial, "S3M", "S4M")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE trials SET est_primary_completion_date = %s", [readout])
    score("one")
    evaluate_registry_signals()
    assert Score.objects.get().features_frozen_at is None
    assert Score.objects.get().metadata["late"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--run-id", "x", "--as-of", "2999-01-01"], "is not there yet"),
        (["--run-id", "x", "--as-of", "yesterday"], "is no date: write YYYY-MM-DD"),
        (["--run-id", "x", "--as-of", "20260101"], "is no date: write YYYY-MM-DD"),
        (["--run-id", "x", "--as-of", "2026-W05-1"], "is no date: write YYYY-MM-DD"),
        (["--run-id", " "], "1 to 50 printable characters"),
        (["--run-id", "x" * 51], "1 to 50 printable characters"),
        (["--run-id", "a\nb"], "1 to 50 printable characters"),
    ],
)
def test_what_cannot_be_a_run_is_a_fault_of_usage(arguments: list[str], said: str) -> None:
    code, sentence = refused(*arguments)
    assert code == 2
    assert said in sentence


def test_a_dry_run_tells_and_changes_nothing() -> None:
    make_signals(make_trial(), "S3H", "S4H")
    said = score_trials("--run-id", "one", "--dry-run")
    assert "1 trials scored, 1 scores written; 4 gates changed" in said
    assert "Nothing was changed: a dry run." in said
    assert not Score.objects.exists()
    assert not Gate.objects.exists()


def test_without_any_trial_there_is_nothing_to_do() -> None:
    assert "0 trials scored, 0 scores written; 0 gates changed; 0 trials not scored" in score_trials("--run-id", "one")


def test_the_number_of_statements_does_not_grow_with_the_trials() -> None:
    make_signals(make_trial(), "S1H", "S2H")
    with CaptureQueriesContext(connection) as few:
        score("one")
    for severity in "HML":
        for phase in ("PHASE1", "PHASE2", "PHASE3", "NA"):
            make_signals(make_trial(phase=phase), f"S1{severity}", f"S2{severity}", "S8M")
    with CaptureQueriesContext(connection) as many:
        score("two")
    assert len(many) == len(few) <= 25
