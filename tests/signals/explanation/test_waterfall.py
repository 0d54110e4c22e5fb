"""Steps from prior to stored probability: sums, widths and gaps."""

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import formulas
from signals.explanation.waterfall import Waterfall, build_score_waterfall, compute_waterfall
from signals.formulas import probability
from signals.models import Score
from signals.queries import ScoreBreakdown, compute_breakdown
from signals.trials.run_record import read_run_record
from tests.signals.explanation.rows import metadata, numbers

CENT = Decimal("0.01")


def falls(ratios: dict[str, str], prior: str = "0.42", floor: str = "0", **fields: Any) -> Waterfall:
    """The waterfall of a score that was never stored."""
    given = {**numbers(prior, *ratios.values(), floor=floor), "metadata": metadata(ratios), **fields}
    score = Score(run_id="weekly 1", **given)
    return compute_waterfall(score, account(score), read_run_record(score.metadata))


def account(score: Score) -> ScoreBreakdown:
    return compute_breakdown(score, [])


def kinds(found: Waterfall) -> list[str]:
    return [step.kind for step in found.steps]


def test_gates_lead_from_the_prior_to_the_stored_probability() -> None:
    found = falls({"G1": "5", "G4": "2.5"})
    assert kinds(found) == ["prior", "gate", "gate", "posterior"]
    assert found.adds_up
    assert round(found.steps[1].change, 4) == Decimal("1.6094")
    assert abs(found.steps[-1].after - sum(step.change for step in found.steps[:-1])) < CENT


def test_a_prior_alone_is_all_there_is() -> None:
    found = falls({})
    assert kinds(found) == ["prior", "posterior"]
    assert found.adds_up
    assert found.nothing_fired
    assert found.prior_in_words == "the prior of phase 3 (42.0 %)"


def test_a_stop_rule_is_a_step_of_its_own() -> None:
    rule = {"rule": "endpoint_switched", "description": "it was switched", "p_fail_at_least": 0.97}
    found = falls({"G1": "5"}, floor="0.97", metadata=metadata({"G1": "5"}, stop_rules=[rule]))
    assert kinds(found) == ["prior", "gate", "stop", "posterior"]
    assert found.adds_up
    assert found.is_raised
    assert found.steps[2].probability == Decimal("0.97")


def test_a_raised_probability_without_a_stop_rule_is_reported() -> None:
    found = falls({"G1": "5"}, floor="0.97")
    assert "Only a stop rule raises it, and the run recorded that no stop rule held." in found.deviations[0]
    bare = falls({"G1": "5"}, floor="0.97", metadata={"gates": {"G1": 5}})
    assert "the run recorded no stop rule." in bare.deviations[0]


def test_a_stop_rule_with_another_floor_is_reported() -> None:
    rule = {"rule": "endpoint_switched", "p_fail_at_least": 0.97}
    found = falls({}, p_fail=Decimal("0.9"), metadata=metadata(stop_rules=[rule]))
    assert "the stop rule puts it at 97.0 %" in found.deviations[0]


def test_a_lowered_probability_is_reported() -> None:
    found = falls({"G1": "5"}, p_fail=Decimal("0.5"))
    assert "nothing may lower it" in found.deviations[0]
    assert kinds(found)[-2:] == ["gap", "posterior"]


def test_gates_that_do_not_add_up_leave_a_gap_with_its_size() -> None:
    found = falls({"G1": "3.5"}, sum_log_lr=Decimal("1.5"), logit_post=numbers("0.42")["logit_prior"] + Decimal("1.5"))
    assert found.deviations[0] == (
        "The gates that the run recorded add up to +1.2528, the stored sum is +1.5000: +0.2472 is not explained."
    )
    assert "gap" in kinds(found)
    assert not found.nothing_fired


def test_a_posterior_that_does_not_follow_is_reported() -> None:
    found = falls({"G1": "5"}, logit_post=Decimal(2), p_fail=Decimal("0.88080"))
    assert found.deviations == (
        "Prior and gates come to +1.2867, the stored posterior log-odds are +2.0000: +0.7133 is not explained.",
    )


def test_a_prior_with_other_log_odds_is_reported() -> None:
    found = falls({}, prior_pi=Decimal("0.5"))
    assert "A prior of 50.0 % is +0.0000 in log-odds" in found.deviations[0]
    assert "has no log-odds" in falls({}, prior_pi=Decimal(1)).deviations[0]


def test_the_limits_of_ratios_and_of_the_posterior_are_shown() -> None:
    ratios = {"G1": "1000", "G2": "10", "G3": "10", "G4": "0.001"}
    found = falls({**ratios, "G5": "10"}, prior="0.99")
    assert "limit" in kinds(found)
    assert found.adds_up
    assert found.steps[1].ratio == "1000, counts as 10"
    assert next(step for step in found.steps if step.name == "G4").ratio == "0.001, counts as 0.25"
    assert round(found.steps[-1].after, 4) == 8


def test_a_gate_that_no_table_has_any_more_keeps_its_name() -> None:
    found = falls({"G9": "2"})
    assert found.steps[1].name == "G9"
    assert found.adds_up


@pytest.mark.parametrize("ratio", ["1E+999999", "-3", "0", "1E-999999", "9" * 5000])
def test_a_ratio_that_is_no_ratio_counts_as_the_limit(ratio: str) -> None:
    recorded = metadata()
    recorded["gates"] = {"G1": {"lr_used": ratio}}
    counted = "0.25" if Decimal(ratio) < 1 else "10"
    found = falls({}, metadata=recorded, **numbers("0.42", counted))
    assert found.adds_up
    assert len(found.steps[1].ratio) < 40


@pytest.mark.parametrize("odd", [None, [], "gates", 3, {"signals": 3, "gates": [3], "stop_rules": {}, "prior": []}])
def test_metadata_of_any_form_is_as_good_as_none(odd: Any) -> None:
    record = read_run_record(odd)
    assert not record.severities
    assert record.stop_rules == ()


def test_a_number_that_is_none_is_not_drawn() -> None:
    found = falls({}, logit_post=Decimal("NaN"))
    assert found.steps == ()
    assert not found.adds_up


@settings(max_examples=60, deadline=None)
@given(
    prior=st.decimals("0.01", "0.99", places=5),
    ratios=st.lists(st.decimals("0.1", "20", places=3), max_size=4),
    stopped=st.booleans(),
)
def test_any_run_by_the_rules_adds_up_and_is_drawn_to_scale(
    prior: Decimal, ratios: list[Decimal], stopped: bool
) -> None:
    saw = {f"G{place}": str(ratio) for place, ratio in enumerate(ratios, 1)}
    rules = [{"rule": "x", "p_fail_at_least": 0.97}] if stopped else []
    found = falls(saw, str(prior), "0.97" if stopped else "0", metadata=_exact(saw, rules))
    assert found.adds_up, found.deviations
    for step, following in zip(found.steps[:-1], found.steps[1:-1], strict=False):
        assert following.before == step.after
    drawing = build_score_waterfall(found)
    places = [step.before for step in found.steps] + [step.after for step in found.steps] + [Decimal(0)]
    widest = max(drawing.bars, key=lambda bar: abs(bar.item.after - bar.item.before))
    # Nothing changes with a prior of one half and no ratios.
    scale = _percent(widest.width) / (abs(widest.item.after - widest.item.before) or Decimal(1))
    for bar in drawing.bars:
        assert abs(_percent(bar.width) - scale * abs(bar.item.after - bar.item.before)) <= CENT * 2
        assert 0 <= _percent(bar.x) <= 100
        assert _percent(bar.x) + _percent(bar.width) <= 100 + CENT
    zero = next(tick for tick in drawing.ticks if tick.is_zero)
    assert abs(_percent(drawing.bars[0].x) - _percent(zero.x)) < CENT * 2 or found.steps[0].after < 0
    assert _percent(drawing.ticks[0].x) == 0
    assert _percent(drawing.ticks[-1].x) == 100
    assert max(places) - min(places) <= sum(abs(step.change) for step in found.steps)
    assert abs(probability(found.steps[-1].after) - found.steps[-1].probability) <= Decimal("0.00002")


def test_the_rules_in_words_name_the_signals_that_the_gates_look_at() -> None:
    assert formulas.GATE_RULES.keys() == formulas.GATE_SIGNALS.keys()
    for gate, words in formulas.GATE_RULES.items():
        assert sorted(re.findall(r"S\d", words)) == sorted(formulas.GATE_SIGNALS[gate])


def _exact(ratios: dict[str, str], rules: list[dict[str, Any]]) -> dict[str, Any]:
    recorded = metadata(stop_rules=rules)
    recorded["gates"] = {code: {"lr_used": ratio} for code, ratio in ratios.items()}
    return recorded


def _percent(text: str) -> Decimal:
    return Decimal(text.removesuffix("%"))
