"""score_trials --as-of: uses only what was known before the day and leaves the gates unchanged."""

import pytest

from signals.models import Gate, Score, Signal, TrialVersion
from signals.registry_signals.evaluation import evaluate_registry_signals
from signals.scoring.run import score_trials
from signals.scoring.verification import VerificationCounts, find_mismatches
from tests.signals.scoring.commands import fail_command, run_command, stored_rows
from tests.signals.scoring.rows import ahead, at, make_evaluation, make_signals, make_trial, make_version

pytestmark = pytest.mark.django_db


def test_only_earlier_knowledge_counts_and_gates_are_kept() -> None:
    trial = make_trial(phase="PHASE3", est_primary_completion_date=ahead(300))
    make_version(trial, at("2025-01-10"), phases=["PHASE2", "PHASE3"], completion="2026-03")
    make_version(trial, at("2025-05-10"), phases=["PHASE3"], completion="2030-01-31")
    make_signals(trial, "S1H", fired_at=at("2025-02-01"))
    make_signals(trial, "S2H", fired_at=at("2025-04-01"))
    make_evaluation(trial, "S5", "not fired", at("2025-02-28"))
    make_evaluation(trial, "S6", "not fired", at("2025-03-01"))
    young = make_trial()
    make_version(young, at("2025-04-02"))
    summary = run_command("--run-id", "then", "--as-of", "2025-03-01")
    assert "1 trials scored, 1 scores written; 0 gates changed" in summary
    assert "1 trials without a record captured before that day" in summary
    assert not Gate.objects.exists()
    found = Score.objects.get()
    assert found.trial == trial
    assert found.scored_at == at("2025-03-01")
    assert found.metadata["as_of"] == "2025-03-01"
    assert found.metadata["prior"] == {"phase": "PHASE2/PHASE3", "value": 0.55}
    assert found.metadata["signals"] == {"S1": "H"}
    assert found.metadata["not_fired"] == ["S5"]
    run_command("--run-id", "later", "--as-of", "2025-06-01")
    later = Score.objects.get(run_id="later", trial=trial)
    assert later.metadata["prior"]["phase"] == "PHASE3"
    assert later.metadata["gates"]["G1"]["lr_used"] == 5.0


def test_public_change_counts_from_its_capture_on() -> None:
    trial = make_trial()
    make_version(trial, at("2025-01-01"))
    make_version(
        trial, at("2025-06-01"), last_update_posted_date=at("2025-05-01").date(), primary_endpoint_text="Response rate"
    )
    evaluate_registry_signals()
    assert Signal.objects.get().fired_at == at("2025-05-01")
    make_signals(trial, "S2M", fired_at=at("2025-05-01"), metadata={"source": "a pipeline", "trial_version_ids": "all"})
    for run, day in (("before", "2025-06-01"), ("after", "2025-06-02")):
        score_trials(run, as_of=at(day).date())
    assert Score.objects.get(run_id="before").metadata["signals"] == {"S2": "M"}
    assert sorted(Score.objects.get(run_id="after").metadata["signals"]) == ["S1", "S2"]


def test_run_that_owns_the_gates_cannot_be_replaced_by_a_backtest() -> None:
    trial = make_trial()
    make_version(trial, at("2025-01-10"))
    make_signals(trial, "S1H", "S2H")
    score_trials("one")
    before = stored_rows()
    code, message = fail_command("--run-id", "one", "--as-of", "2025-03-01", "--replace")
    assert code == 3
    assert "Run one owns the current gates" in message
    assert stored_rows() == before
    score_trials("two")
    assert "1 scores written" in run_command("--run-id", "one", "--as-of", "2025-03-01", "--replace")
    assert list(find_mismatches(VerificationCounts())) == []


@pytest.mark.parametrize("completion", ["2026-03", "2026-03-01", "2026", "2026-03-01T00:00"])
def test_readout_comes_from_the_version_with_partial_dates(completion: str) -> None:
    make_version(make_trial(), at("2025-01-10"), completion=completion)
    run_command("--run-id", "then", "--as-of", "2026-04-01")
    expected = at("2025-12-18") if completion == "2026" else at("2026-02-15")
    assert Score.objects.get().features_frozen_at == expected


@pytest.mark.parametrize("completion", ["2026-02-30", "2026-13", "soon", "", "0000-01-01", "99999"])
def test_invalid_readout_freezes_nothing(completion: str) -> None:
    make_version(make_trial(), at("2025-01-10"), completion=completion)
    run_command("--run-id", "then", "--as-of", "2026-04-01")
    assert Score.objects.get().features_frozen_at is None


def test_version_without_phase_keeps_the_earlier_phase() -> None:
    trial = make_trial()
    make_version(trial, at("2025-01-10"), phases=["PHASE2"])
    TrialVersion.objects.create(trial=trial, captured_at=at("2025-02-01"), raw_jsonb={"other": 1}, sha256="f" * 64)
    score_trials("then", as_of=at("2025-03-01").date())
    assert Score.objects.get().metadata["prior"]["phase"] == "PHASE2"
