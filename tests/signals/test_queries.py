"""Supporting signals, and breakdowns of scores."""

import math
from decimal import Decimal
from typing import Any

import pytest

from signals.formulas import probability
from signals.models import Gate, Score, Signal, Trial
from signals.queries import (
    compute_breakdown,
    is_raised_by_stop_rule,
    list_scores,
    list_supported_gates,
    list_supporting_signals,
    read_recorded_ratios,
)
from tests import factories


def make_signal(trial: Trial, code: str) -> Signal:
    return Signal.objects.create(trial=trial, s_id=code, severity="M")


def make_gate(trial: Trial, code: str, *signals: str, fired: bool = True, ratio: str | None = "3.5") -> Gate:
    return Gate.objects.create(trial=trial, g_id=code, fired_bool=fired, supporting_s_ids=list(signals), lr_used=ratio)


def make_score(trial: Trial, run: str = "run 1", **fields: Any) -> Score:
    given = {"prior_pi": "0.5", "logit_prior": "0", "sum_log_lr": "0", "logit_post": "0", "p_fail": "0.5", **fields}
    score = Score.objects.create(trial=trial, run_id=run, **given)
    score.refresh_from_db()
    return score


@pytest.mark.django_db
def test_gate_lists_supporting_signals_of_its_trial() -> None:
    trial, other = factories.make_trial(), factories.make_trial()
    first = make_signal(trial, "S1")
    make_signal(other, "S2")
    supported = list_supporting_signals(make_gate(trial, "G1", "S2", "S1", "S1"))
    assert [(one.code, one.signal) for one in supported] == [("S1", first), ("S2", None)]


@pytest.mark.django_db
def test_signal_lists_the_gates_that_it_supports() -> None:
    trial, other = factories.make_trial(), factories.make_trial()
    gate = make_gate(trial, "G1", "S1", "S2")
    make_gate(trial, "G2", "S3", "S4")
    make_gate(other, "G1", "S1")
    assert list_supported_gates(make_signal(trial, "S1")) == [gate]


@pytest.mark.django_db
def test_scores_are_listed_newest_first() -> None:
    trial = factories.make_trial()
    older = make_score(trial, "older", scored_at=factories.POSTED)
    newer = make_score(trial, "newer")
    assert list_scores(trial.pk) == [newer, older]
    assert list_scores(trial.pk, limit=1) == [newer]


@pytest.mark.django_db
def test_breakdown_uses_the_gates_recorded_by_the_run() -> None:
    trial = factories.make_trial()
    gate = make_gate(trial, "G1", ratio="5.0")
    total = f"{math.log(3.5) + math.log(2.5):.6f}"
    account = compute_breakdown(make_score(trial, sum_log_lr=total, metadata={"gates": {"G1": 3.5, "G4": "2.5"}}))
    assert account.recorded
    assert account.adds_up
    assert [(one.code, one.gate) for one in account.contributions] == [("G1", gate), ("G4", None)]
    assert float(account.total) == pytest.approx(math.log(3.5 * 2.5))


@pytest.mark.django_db
def test_breakdown_without_record_uses_current_gates() -> None:
    trial = factories.make_trial()
    make_gate(trial, "G1")
    make_gate(trial, "G2", fired=False)
    make_gate(trial, "G3", ratio=None)
    account = compute_breakdown(make_score(trial))
    assert not account.recorded
    assert not account.adds_up
    assert [one.code for one in account.contributions] == ["G1"]


@pytest.mark.django_db
@pytest.mark.parametrize(("ratio", "counts_as"), [("99", 10), ("0.1", 0.25), ("0", 0.25), ("3", 3)])
def test_ratio_outside_its_limits_counts_as_the_limit(ratio: str, counts_as: float) -> None:
    score = make_score(factories.make_trial(), metadata={"gates": {"G1": ratio}})
    (contribution,) = compute_breakdown(score).contributions
    assert contribution.likelihood_ratio == Decimal(ratio)
    assert float(contribution.log_ratio) == pytest.approx(math.log(counts_as))


@pytest.mark.django_db
def test_score_with_empty_record_has_no_gates() -> None:
    trial = factories.make_trial()
    make_gate(trial, "G1")
    account = compute_breakdown(make_score(trial, metadata={"gates": {}}))
    assert account.recorded
    assert account.adds_up
    assert account.contributions == ()


@pytest.mark.parametrize(
    ("metadata", "ratios"),
    [
        ({"gates": {"G1": 3.5}}, {"G1": "3.5"}),
        ({"gates": {"G1": {"lr_used": 3.5, "fired": True}, "G2": {"fired": False, "lr_used": 3}}}, {"G1": "3.5"}),
        ({"gates": [{"G_id": "G1", "lr": "3.5"}, {"gate": "G4", "likelihood_ratio": 2.5}]}, {"G1": "3.5", "G4": "2.5"}),
        ({"gates": {}}, {}),
        ({"gates": []}, {}),
        ({"gates": ["G1"]}, None),
        ({"gates": {"G1": "high"}}, None),
        ({"gates": {"G1": True}}, None),
        ({"gates": {"G1": "NaN"}}, None),
        ({"gates": 4}, None),
        ({}, None),
        (None, None),
    ],
)
def test_recorded_ratios_are_read_in_every_known_format(metadata: Any, ratios: Any) -> None:
    found = read_recorded_ratios(metadata)
    assert found == (None if ratios is None else {code: Decimal(ratio) for code, ratio in ratios.items()})


@pytest.mark.parametrize("log_odds", ["-8", "-1.5", "0", "1.252763", "8"])
def test_probability_follows_from_the_log_odds(log_odds: str) -> None:
    assert float(probability(Decimal(log_odds))) == pytest.approx(1 / (1 + math.exp(-float(log_odds))))


@pytest.mark.parametrize(
    ("log_odds", "stored", "raised"),
    [("1.252763", "0.77778", False), ("1.252763", "0.97", True), ("8", "0.99966", False), ("-8", "0.00034", False)],
)
def test_only_a_stop_rule_raises_the_stored_probability(log_odds: str, stored: str, raised: bool) -> None:
    score = Score(logit_post=Decimal(log_odds), p_fail=Decimal(stored))
    assert is_raised_by_stop_rule(score) is raised
