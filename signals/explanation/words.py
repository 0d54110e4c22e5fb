"""Gate rules and severities in plain words; bands and phases are those of the list of trials."""

from signals.trials.words import BANDS

# Lines of the history: where the bands begin.
BAND_LINES = tuple(band.low for band in BANDS if band.low is not None)

GATE_RULES = {
    "G1": "needs S1 and S2",
    "G2": "needs S3 and S4",
    "G3": "needs S5, and S6 or S7",
    "G4": "needs S8, and S1 or S3",
}
SEVERITIES = {"H": "high", "M": "medium", "L": "low"}


def rule_of(gate: str) -> str:
    """Return what a gate needs to fire, "" for one that the rules of today do not have."""
    return GATE_RULES.get(gate, "")
