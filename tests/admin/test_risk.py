"""Pages of signals, gates, scores and trials."""

from typing import Any

import pytest
from django.urls import reverse

from ncfd_site.adminkit.links import get_object_url
from signals.models import Gate, Score, Signal
from tests import factories
from tests.admin import rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def opened(signed_in: Any) -> Any:
    """Open the page of a row as an analyst; return its text."""
    client = signed_in("analyst")
    return lambda row: client.get(get_object_url(row)).content.decode()


def test_a_gate_shows_supporting_and_missing_signals(opened: Any) -> None:
    gate = rows.make(Gate)
    signal = Signal.objects.get(trial=gate.trial)
    page = opened(gate)
    assert get_object_url(signal) in page
    assert "was changed" in page
    assert "signal since deleted" in page  # It names S2 too, which did not fire.


def test_a_signal_shows_evidence_study_and_gates(opened: Any) -> None:
    gate = rows.make(Gate)
    signal = Signal.objects.get(trial=gate.trial)
    page = opened(signal)
    assert "was changed" in page
    assert signal.source_study is not None
    assert get_object_url(signal.source_study) in page
    assert get_object_url(gate) in page


def test_a_signal_without_gates(opened: Any) -> None:
    assert "No gate of this trial names this signal." in opened(rows.make(Signal))


def test_a_score_shows_the_steps_from_prior_to_posterior(opened: Any) -> None:
    score = rows.make(Score)
    Score.objects.filter(pk=score.pk).update(metadata={"gates": {"G1": 3.5}})
    page = opened(score)
    assert "as recorded by the run. They sum to the stored score." in page
    for figure in ("50.0 %", "+0.0000", "+1.2528", "77.8 %"):
        assert figure in page
    assert get_object_url(Gate.objects.get(trial=score.trial)) in page
    assert "Raised by a stop rule" not in page


def test_a_score_without_recorded_gates_shows_current_gates(opened: Any) -> None:
    score = rows.make(Score)
    assert "as of now, because the run recorded none. They sum to the stored score." in opened(score)
    Gate.objects.filter(trial=score.trial).update(lr_used="5.0")
    page = opened(score)
    assert "They sum to +1.6094, not to the stored sum" in page


def test_a_stop_rule_is_a_separate_step(opened: Any) -> None:
    score = rows.make(Score)
    Score.objects.filter(pk=score.pk).update(p_fail="0.97")
    page = opened(score)
    assert "Raised by a stop rule" in page
    assert "97.0 %" in page
    assert "77.8 %" in page


def test_a_trial_shows_scores_gates_signals_and_studies_together(opened: Any) -> None:
    score = rows.make(Score)
    gate, signal = Gate.objects.get(trial=score.trial), Signal.objects.get(trial=score.trial)
    page = opened(score.trial)
    assert signal.source_study is not None
    for row in (score, gate, signal, signal.source_study):
        assert get_object_url(row) in page
    assert "G1 (fired)" in page
    assert f"{reverse('admin:linkaudit_linkaudit_changelist')}?nct_id={score.trial.nct_id}" in page


def test_a_trial_without_scores(opened: Any) -> None:
    page = opened(factories.make_trial())
    for sentence in (
        "Not scored yet.",
        "No gates were evaluated",
        "No signals fired",
        "No published result",
    ):
        assert sentence in page
