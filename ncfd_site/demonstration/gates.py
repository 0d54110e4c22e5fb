"""Which gates open from which signals, by the contract's rules, and the likelihood ratio of each."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal

# By the worst severity among the signals of G1.
ALPHA_MELTDOWN = {"H": Decimal("5.0"), "M": Decimal("3.5"), "L": Decimal("2.0")}
RATIOS = {"G2": Decimal("3.0"), "G3": Decimal("4.2"), "G4": Decimal("2.5")}
SEVERITIES = ("H", "M", "L")
NAMES = {"G1": "Alpha-Meltdown", "G2": "Analysis-Gaming", "G3": "Plausibility", "G4": "p-Hacking"}
# The signals that a gate looks at, in the order of its rule.
LOOKS_AT = {"G1": ("S1", "S2"), "G2": ("S3", "S4"), "G3": ("S5", "S6", "S7"), "G4": ("S1", "S3", "S8")}

_RULES: dict[str, Callable[[AbstractSet[str]], bool]] = {
    "G1": lambda fired: {"S1", "S2"} <= fired,
    "G2": lambda fired: {"S3", "S4"} <= fired,
    "G3": lambda fired: "S5" in fired and bool({"S6", "S7"} & fired),
    "G4": lambda fired: "S8" in fired and bool({"S1", "S3"} & fired),
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A gate that was evaluated. Supporting signals and ratio are there only where it fired."""

    code: str
    fired: bool
    supporting: tuple[str, ...]
    ratio: Decimal | None
    rationale: str


def evaluate(severities: Mapping[str, str]) -> list[Evaluation]:
    """Every gate, from the signals that fired (S1 to S9) with their severities (H, M or L)."""
    return [_evaluation(code, severities) for code in _RULES]


def _evaluation(code: str, severities: Mapping[str, str]) -> Evaluation:
    present = tuple(signal for signal in LOOKS_AT[code] if signal in severities)
    if not _RULES[code](severities.keys()):
        absent = [signal for signal in LOOKS_AT[code] if signal not in severities]
        said = (
            f"{_listed(present)} fired, {_listed(absent)} did not." if present else f"{_listed(absent)} did not fire."
        )
        return Evaluation(code, False, (), None, f"{NAMES[code]} did not fire: {said}")
    if code == "G1":
        worst = min((severities[signal] for signal in present), key=SEVERITIES.index)
        ratio, why = ALPHA_MELTDOWN[worst], f" by the worst severity, {worst}"
    else:
        ratio, why = RATIOS[code], ""
    return Evaluation(
        code, True, present, ratio, f"{NAMES[code]}: {_listed(present)} fired; the likelihood ratio is {ratio}{why}."
    )


def _listed(codes: tuple[str, ...] | list[str]) -> str:
    return " and ".join(filter(None, (", ".join(codes[:-1]), codes[-1])))
