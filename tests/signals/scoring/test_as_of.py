"""score_trials --as-of: only what was there before the day counts, and gates are left alone."""

import pytest

from signals.models import Gate, Score, Signal, TrialVersion
from signals.registry_signals.evaluation import evaluate_registry_signals
from signals.scoring.run import score
from signals.scoring.verification import VerificationCounts, find_mismatches
from tests.signals.scoring.commands import refused, score_trials, stored
from tests.signals.scoring.rows import ahead, at, make_evaluation, make_signals, make_trial, make_version

pytestmark = pytest.mark.django_db


def test_as_of_a_day_only_what_was_there_before_it_counts_and_gates_stay() -> None:
    trial = make_trial(phase="PHASE3", est_primary_completion_date=ahead(300))
    make_version(trial, at("2025-01-10"), phases=["PHASE2", "PHASE3"], completion="2026-03")
    make_version(trial, at("2025-05-10"), phases=["PHASE3"], completion="2030-01-31")
    make_signals(trial, "S1H", fired_at=at("2025-02-01"))
    make_signals(trial, "S2H", fired_at=at("2025-04-01"))
    make_evaluation(trial, "S5", "not fired", at("2025-02-28"))
    make_evaluation(trial, "S6", "not fired", at("2025-03-01"))
    young = make_trial()
    make_version(young, at("2025-04-02"))
    said = score_trials("--run-id", "then", "--as-of", "2025-03-01")
    assert "1 trials scored, 1 scores written; 0 gates changed" in said
    assert "1 trials without a record captured before that day" in said
    assert not Gate.objects.exists()
    found = Score.objects.get()
    assert found.trial == trial
    assert found.scored_at == at("2025-03-01")
    assert found.metadata["as_of"] == "2025-03-01"
    assert found.metadata["prior"] == {"phase": "PHASE2/PHASE3", "value": 0.55}
    assert found.metadata["signals"] == {"S1": "H"}
    assert found.metadata["not_fired"] == ["S5"]
    score_trials("--run-id", "later", "--as-of", "2025-06-01")
    later = Score.objects.get(run_id="later", trial=trial)
    assert later.metadata["prior"]["phase"] == "PHASE3"
    assert later.metadata["gates"]["G1"]["lr_used"] == 5.0


def test_as_of_a_day_a_change_that_was_public_and_not_yet_captured_does_not_count() -> None:
    trial = make_trial()
    make_version(trial, at("2025-01-01"))
    make_version(
        trial, at("2025-06-01"), last_update_posted_date=at("2025-05-01").date(), primary_endpoint_text="Response rate"
    )
    evaluate_registry_signals()
    assert Signal.objects.get().fired_at == at("2025-05-01")
    make_signals(trial, "S2M", fired_at=at("2025-05-01"), metadata={"source": "a pipeline", "trial_version_ids": "all"})
    for run, day in (("before", "2025-06-01"), ("after", "2025-06-02")):
        score(run, as_of=at(day).date())
    assert Score.objects.get(run_id="before").metadata["signals"] == {"S2": "M"}
    assert sorted(Score.objects.get(run_id="after").metadata["signals"]) == ["S1", "S2"]


def test_a_run_as_of_a_day_cannot_be_written_over_the_one_that_made_the_gates() -> None:
    trial = make_trial()
    make_version(trial, at("2025-01-10"))
    make_signals(trial, "S1H", "S2H")
    score("one")
    before = stored()
    code, said = refused("--run-id", "one", "--as-of", "2025-03-01", "--replace")
    assert code == 3
    assert "Run one made the gates of today" in said
    assert stored() == before
    score("two")
    assert "1 scores written" in score_trials("--run-id", "one", "--as-of", "2025-03-01", "--replace")
    assert list(find_mismatches(VerificationCounts())) == []


@pytest.mark.parametrize("said", ["2026-03", "2026-03-01", "2026", "2026-03-01T00:00"])
def test_as_of_a_day_the_readout_is_that_of_the_version_even_where_it_is_only_a_month(said: str) -> None:
    make_version(make_trial(), at("2025-01-10"), completion=said)
    score_trials("--run-id", "then", "--as-of", "2026-04-01")
    expected = at("2025-12-18") if said == "2026" else at("2026-02-15")
    assert Score.objects.get().features_frozen_at == expected


@pytest.mark.parametrize("said", ["2026-02-30", "2026-13", "soon", "", "0000-01-01", "99999"])
def test_as_of_a_day_a_date_that_is_none_freezes_nothing(said: str) -> None:
    make_version(make_trial(), at("2025-01-10"), completion=said)
    score_trials("--run-id", "then", "--as-of", "2026-04-01")
    assert Score.objects.get().features_frozen_at is None


def test_as_of_a_day_a_version_that_states_no_phase_leaves_the_one_before() -> None:
    trial = make_trial()
    make_version(trial, at("2025-01-10"), phases=["PHASE2"])
    TrialVersion.objects.create(trial=trial, captured_at=at("2025-02-01"), raw_jsonb={"other": 1}, sha256="f" * 64)
    score("then", as_of=at("2025-03-01").date())
    assert Score.objects.get().metadata["prior"]["phase"] == "PHASE2"
