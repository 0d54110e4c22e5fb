"""Signals, gates and scores agree with each other, the studies and the records."""

from decimal import Decimal
from math import exp, log

import pytest

from signals.models import Gate, Score, Signal, SignalEvaluation, Trial, TrialVersion
from signals.queries import compute_breakdown, list_supporting_signals
from signals.registry_signals.evaluation import evaluate_registry_signals
from signals.scoring.run import score_trials_at
from signals.scoring.verification import VerificationCounts, find_mismatches

pytestmark = pytest.mark.django_db

RATIOS = {"G2": 3.0, "G3": 4.2, "G4": 2.5}
BY_SEVERITY = {"H": 5.0, "M": 3.5, "L": 2.0}


def severities(trial: Trial) -> dict[str, str]:
    return dict(trial.signals.values_list("s_id", "severity"))


def test_every_signal_and_gate_fired_somewhere() -> None:
    assert set(Signal.objects.values_list("s_id", flat=True)) == {f"S{number}" for number in range(1, 10)}
    assert set(Gate.objects.filter(fired_bool=True).values_list("g_id", flat=True)) == {"G1", "G2", "G3", "G4"}
    assert Gate.objects.filter(fired_bool=False).exists()


def test_the_signals_that_support_a_gate_exist() -> None:
    for gate in Gate.objects.filter(fired_bool=True):
        supported = list_supporting_signals(gate)
        assert len(supported) >= 2
        assert all(one.signal for one in supported)
    assert not Gate.objects.filter(fired_bool=False).exclude(supporting_s_ids=[], lr_used=None).exists()


def test_gates_are_open_by_the_rules_with_the_right_ratio() -> None:
    for trial in Trial.objects.all():
        has = severities(trial)
        expected = {
            "G1": "S1" in has and "S2" in has,
            "G2": "S3" in has and "S4" in has,
            "G3": "S5" in has and ("S6" in has or "S7" in has),
            "G4": "S8" in has and ("S1" in has or "S3" in has),
        }
        gates = {gate.g_id: gate for gate in trial.gates.all()}
        assert {code: gate.fired_bool for code, gate in gates.items()} == expected
        for code, gate in gates.items():
            if gate.fired_bool and gate.lr_used is not None:
                worst = BY_SEVERITY[min((has["S1"], has["S2"]), key="HML".index)] if code == "G1" else RATIOS[code]
                assert float(gate.lr_used) == worst


def test_scores_agree_with_their_metadata_in_at_least_three_runs() -> None:
    scores = list(Score.objects.select_related("trial"))
    assert len({score.run_id for score in scores}) >= 3
    for score in scores:
        ratios = [gate["lr_used"] for gate in score.metadata["gates"].values()]
        prior = float(score.prior_pi)
        assert prior == score.metadata["prior"]["value"]
        assert score.metadata["prior"]["phase"] == score.trial.phase
        logit = min(max(log(prior / (1 - prior)) + sum(map(log, ratios)), -8), 8)
        p_fail = 1 / (1 + exp(-logit))
        if score.metadata["stop_rules"]:
            p_fail = max(p_fail, 0.97)
        assert float(score.logit_prior) == pytest.approx(log(prior / (1 - prior)), abs=1e-6)
        assert float(score.sum_log_lr) == pytest.approx(sum(map(log, ratios)), abs=1e-6)
        assert float(score.logit_post) == pytest.approx(logit, abs=1e-6)
        assert float(score.p_fail) == pytest.approx(p_fail, abs=1e-5)
        account = compute_breakdown(score)
        assert account.recorded
        assert account.adds_up
        assert score.metadata["table_version"]
        codes = [*score.metadata["signals"], *score.metadata["not_fired"], *score.metadata["not_evaluated"]]
        assert sorted(codes) == [f"S{number}" for number in range(1, 10)]


def test_the_gates_are_those_of_the_last_run() -> None:
    last = Score.objects.latest("scored_at").run_id
    for score in Score.objects.filter(run_id=last).select_related("trial"):
        fired = score.trial.gates.filter(fired_bool=True)
        assert {gate.g_id for gate in fired} == set(score.metadata["gates"])
        assert score.metadata["signals"] == severities(score.trial)
    assert Gate.objects.count() == 4 * Score.objects.filter(run_id=last).count()


def test_a_stop_rule_raises_some_scores_and_features_of_past_readouts_are_frozen() -> None:
    stopped = [score for score in Score.objects.all() if score.metadata["stop_rules"]]
    assert {rule["rule"] for score in stopped for rule in score.metadata["stop_rules"]} == {
        "endpoint_switched",
        "per_protocol_only",
        "open_label_subjective",
    }
    assert min(score.p_fail for score in stopped) == Decimal("0.97000")
    assert max(score.p_fail for score in stopped) > Decimal("0.97")
    last = Score.objects.latest("scored_at").run_id
    frozen = Score.objects.exclude(features_frozen_at=None).select_related("trial")
    for score in frozen:
        assert score.features_frozen_at
        assert score.features_frozen_at <= score.scored_at
        # Earlier runs went by the readout that the record stated then.
        if score.run_id == last:
            assert score.trial.est_primary_completion_date
            assert (score.trial.est_primary_completion_date - score.features_frozen_at.date()).days == 14
    assert frozen.filter(run_id=last).exists()
    assert Score.objects.filter(features_frozen_at=None).exists()


def test_a_signal_rests_on_its_study_or_on_a_change_of_the_record() -> None:
    for signal in Signal.objects.select_related("trial", "source_study"):
        if signal.s_id == "S1":
            changed = TrialVersion.objects.get(trial_id=signal.trial_id, changed_primary_endpoint=True)
            assert changed.captured_at < signal.fired_at
        else:
            assert signal.source_study
            assert signal.source_study.trial_id == signal.trial_id
            assert signal.source_study.created_at < signal.fired_at


@pytest.mark.parametrize(("low", "high", "code"), [(0, 0.70, "S2"), (0.045, 0.050, "S8"), (1.0, 2.0, "S9")])
def test_signal_values_are_in_the_range_of_their_rule(low: float, high: float, code: str) -> None:
    values = Signal.objects.filter(s_id=code).values_list("value", flat=True)
    assert values
    assert all(value is not None and low <= value <= high for value in values)


def test_a_p_value_on_the_cusp_is_on_the_card() -> None:
    for signal in Signal.objects.filter(s_id="S8").select_related("source_study"):
        assert signal.source_study
        card = signal.source_study.extracted_jsonb or {}
        stated = [one["p_value"] for one in [*card["results"]["primary"], *card["results"].get("subgroups", [])]]
        assert signal.value is not None
        assert float(signal.value) in stated


def test_scores_change_between_runs_for_some_trials() -> None:
    by_trial: dict[int, set[Decimal]] = {}
    for trial_id, p_fail in Score.objects.values_list("trial_id", "p_fail"):
        by_trial.setdefault(trial_id, set()).add(p_fail)
    assert sum(len(found) > 1 for found in by_trial.values()) >= 8


def test_verification_finds_no_mismatch() -> None:
    looked = VerificationCounts()
    assert [one.sentence for one in find_mismatches(looked)] == []
    assert looked.scores == Score.objects.count()
    assert looked.gates == Gate.objects.count()
    assert looked.stale == 0


def test_scoring_it_again_finds_the_stored_stop_rules_and_the_same_numbers() -> None:
    last = Score.objects.latest("scored_at").run_id
    score_trials_at("again", None)
    again = {one.trial_id: one for one in Score.objects.filter(run_id="again")}
    for one in Score.objects.filter(run_id=last):
        assert again[one.trial_id].metadata["stop_rules"] == one.metadata["stop_rules"]
        assert again[one.trial_id].p_fail == one.p_fail


def test_evaluations_without_a_signal_are_recorded() -> None:
    found = set(SignalEvaluation.objects.values_list("s_id", "outcome"))
    assert {code for code, _ in found} == {f"S{number}" for number in range(1, 10)}
    assert {outcome for _, outcome in found} == {"fired", "not fired", "not evaluated"}
    assert any(score.metadata["not_fired"] for score in Score.objects.all())


def test_the_registry_has_no_further_signal() -> None:
    done = evaluate_registry_signals()
    assert (done.written, done.deleted, done.evaluations) == (0, 0, 0)
