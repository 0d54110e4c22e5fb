"""Gates: rules, likelihood ratios and rationales."""

from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals.formulas import (
    GATE_SIGNALS,
    GATES,
    SEVERITIES,
    SIGNALS,
    GateEvaluation,
    evaluate_gate,
    gate_fires,
)
from signals.scoring.table import scoring_table

RATIOS = scoring_table().ratios
severities = st.dictionaries(st.sampled_from([f"S{number}" for number in range(1, 10)]), st.sampled_from("HML"))


def gates(signals: dict[str, str]) -> dict[str, GateEvaluation]:
    return {code: evaluate_gate(code, signals, RATIOS) for code in GATES}


@given(severities)
def test_gates_follow_the_rules_of_the_contract(signals: dict[str, str]) -> None:
    def has(*codes: str) -> bool:
        return all(code in signals for code in codes)

    found = gates(signals)
    assert {code: one.fired for code, one in found.items()} == {
        "G1": has("S1", "S2"),
        "G2": has("S3", "S4"),
        "G3": has("S5") and (has("S7") or has("S6")),
        "G4": has("S8") and (has("S1") or has("S3")),
    }


@given(severities)
def test_only_fired_gates_have_support_and_ratio(signals: dict[str, str]) -> None:
    for one in gates(signals).values():
        assert one.fired == (one.ratio is not None) == bool(one.supporting)
        assert set(one.supporting) <= signals.keys()
        assert one.rationale.endswith(".")


@pytest.mark.parametrize(
    ("signals", "ratio"),
    [
        ({"S1": "L", "S2": "L"}, "2.0"),
        ({"S1": "L", "S2": "M"}, "3.5"),
        ({"S1": "H", "S2": "L"}, "5.0"),
        ({"S1": "M", "S2": "M", "S3": "H"}, "3.5"),
    ],
)
def test_ratio_of_g1_follows_the_worst_severity(signals: dict[str, str], ratio: str) -> None:
    assert gates(signals)["G1"].ratio == Decimal(ratio)


@pytest.mark.parametrize("severity", "HML")
def test_other_gates_have_one_ratio(severity: str) -> None:
    found = gates(dict.fromkeys([f"S{number}" for number in range(1, 10)], severity))
    assert [found[code].ratio for code in ("G2", "G3", "G4")] == [Decimal("3.0"), Decimal("4.2"), Decimal("2.5")]


def test_gates_of_every_set_of_signals() -> None:
    for size in range(len(SIGNALS) + 1):
        for fired in map(set, combinations(SIGNALS, size)):
            assert [code for code in GATES if gate_fires(code, fired)] == [
                code
                for code, holds in (
                    ("G1", "S1" in fired and "S2" in fired),
                    ("G2", "S3" in fired and "S4" in fired),
                    ("G3", "S5" in fired and ("S7" in fired or "S6" in fired)),
                    ("G4", "S8" in fired and ("S1" in fired or "S3" in fired)),
                )
                if holds
            ]


@given(severities, st.randoms())
def test_order_of_signals_does_not_matter(signals: dict[str, str], random: Any) -> None:
    pairs = list(signals.items())
    random.shuffle(pairs)
    assert gates(dict(pairs)) == gates(signals)


@given(severities)
def test_gate_depends_on_its_own_signals_only(signals: dict[str, str]) -> None:
    for code, own_codes in GATE_SIGNALS.items():
        own = {signal: severity for signal, severity in signals.items() if signal in own_codes}
        assert evaluate_gate(code, own, RATIOS) == evaluate_gate(code, signals, RATIOS)


@given(severities, st.sampled_from(SIGNALS))
def test_another_signal_never_closes_a_gate(signals: dict[str, str], more: str) -> None:
    for severity in SEVERITIES:
        before, after = gates(signals), gates({more: severity, **signals})
        assert all(after[code].fired for code, one in before.items() if one.fired)


@pytest.mark.parametrize(
    ("code", "signals", "late", "not_fired", "rationale"),
    [
        ("G1", {}, (), (), "Alpha-Meltdown did not fire: S1 and S2 were not evaluated."),
        ("G1", {"S1": "H"}, (), (), "Alpha-Meltdown did not fire: S1 fired; S2 was not evaluated."),
        ("G1", {"S2": "H"}, (), ("S1",), "Alpha-Meltdown did not fire: S2 fired; S1 did not fire."),
        (
            "G2",
            {"S3": "M"},
            ("S4", "S9"),
            (),
            "Analysis-Gaming did not fire: S3 fired; S4 fired after the feature freeze.",
        ),
        (
            "G3",
            {"S7": "M"},
            ("S5",),
            ("S6", "S5"),
            "Plausibility did not fire: S7 fired; S5 fired after the feature freeze; S6 did not fire.",
        ),
        ("G4", {"S1": "L"}, (), ("S3",), "p-Hacking did not fire: S1 fired; S3 did not fire; S8 was not evaluated."),
        ("G4", {"S1": "L", "S8": "M"}, ("S3",), (), "p-Hacking: S1 and S8 fired; the likelihood ratio is 2.5."),
    ],
)
def test_rationale_distinguishes_late_not_fired_and_not_evaluated(
    code: str, signals: dict[str, str], late: tuple[str, ...], not_fired: tuple[str, ...], rationale: str
) -> None:
    assert evaluate_gate(code, signals, RATIOS, late=late, not_fired=not_fired).rationale == rationale
