"""The invented trials, from `trials.csv`.

Columns: days from today to the readout and to the first publication (empty: none); signals with their severity; the
stop rule that holds; the load of the registry that saw the trial first; what changed in its record, and the load that
saw the change; the sponsor as the registry spells it, where that is not the maker's name.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ncfd_site.demonstration.catalogue.conditions import CONDITIONS, Condition
from ncfd_site.demonstration.catalogue.drugs import DRUGS, Drug
from ncfd_site.demonstration.catalogue.table import rows_of
from ncfd_site.demonstration.plan.calendar import LOADS, Calendar
from ncfd_site.demonstration.plan.figures import patients_for

USUAL_POWER = 0.9
# How little power an underpowered trial has, by the severity of its signal; its registered size follows from that.
LOW_POWER = {"H": 0.50, "M": 0.58, "L": 0.66}
EARLY = ("PHASE1", "PHASE1/PHASE2")
# Words in the names of sponsors that are no companies.
PUBLIC = ("University", "Hospital", "Ministry")
# Drugs that are given together in every second trial of the first one.
PARTNERS = {
    "gigantumab": "lorbrulimab",
    "boojumilast": "thimblurant",
    "larderetide": "cockagliflozin",
    "bandersnavir": "vorpalvir",
    "struldbrumab": "immortinib",
    "ydgrutamab": "nowherestat",
    "hentzautide": "rassendylsartan",
    "lagadopine": "magnetoxetine",
}


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """One trial: what it is, what is to be said of it, and when. `signals` maps S1..S9 to H, M or L."""

    nct_id: str
    acronym: str
    drug: Drug
    partner: Drug | None
    condition: Condition
    phase: str
    status: str
    sponsor: str
    first_posted: date
    readout: date
    published: date | None
    signals: Mapping[str, str]
    stop_rule: str
    first_load: int
    change: str
    change_load: int
    patients: int

    @property
    def is_single_arm(self) -> bool:
        """Whether nobody is randomised."""
        return "S7" in self.signals or self.phase in EARLY

    @property
    def is_open_label(self) -> bool:
        """Whether everybody knows who gets what."""
        return self.is_single_arm or self.stop_rule == "open_label_subjective" or self.condition.is_hazard

    @property
    def is_pivotal(self) -> bool:
        """As the loader of registry records takes it."""
        return "PHASE3" in self.phase.split("/")

    @property
    def is_public(self) -> bool:
        """Whether the sponsor is no company."""
        return any(word in self.sponsor for word in PUBLIC)

    @property
    def given(self) -> list[Drug]:
        """The drugs that are tried."""
        return [drug for drug in (self.drug, self.partner) if drug is not None]

    @property
    def phase_words(self) -> str:
        """The phase as prose has it: "phase 2/3"."""
        return "phase " + self.phase.replace("PHASE", "")

    @property
    def design_words(self) -> str:
        """The design as prose has it."""
        if self.is_single_arm:
            return "single-arm, open-label"
        masking = "open-label" if self.is_open_label else "double-blind"
        control = {"placebo": "placebo-controlled", "sham injection": "sham-controlled"}
        return f"randomised, {masking}, {control.get(self.condition.control, 'controlled')}"

    @property
    def kind_words(self) -> str:
        """Design and phase as prose has them."""
        return f"{self.design_words} {self.phase_words} trial"


def planned_trials(calendar: Calendar) -> list[PlannedTrial]:
    """Every trial of the demonstration, in the order of their numbers."""
    counts: Counter[str] = Counter()
    trials = []
    for place, row in enumerate(rows_of(Path(__file__).with_name("trials.csv"))):
        counts[row["drug"]] += 1
        trials.append(_trial(place, row, counts[row["drug"]], calendar))
    return trials


def _trial(place: int, row: Mapping[str, str], ordinal: int, calendar: Calendar) -> PlannedTrial:
    drug, condition = DRUGS[row["drug"]], CONDITIONS[row["condition"]]
    signals = {signal[:2]: signal[2] for signal in row["signals"].split()}
    first_load = int(row["first"])
    # Registered for years, or some days before the load that found it.
    posted = -900 - 11 * place if first_load == 1 else -LOADS[first_load - 1] - 4 - place % 5
    return PlannedTrial(
        # No number of ClinicalTrials.gov begins with 99.
        nct_id=f"NCT99{100_000 + 137 * (place + 1)}",
        acronym=f"{drug.programme}-{ordinal}",
        drug=drug,
        partner=DRUGS[PARTNERS[drug.key]] if drug.key in PARTNERS and ordinal % 2 else None,
        condition=condition,
        phase=row["phase"],
        status=row["status"],
        sponsor=row["sponsor"] or drug.company.name,
        first_posted=calendar.day(min(posted, int(row["readout"]) - 200)),
        readout=calendar.day(int(row["readout"])),
        published=calendar.day(int(row["published"])) if row["published"] else None,
        signals=signals,
        stop_rule=row["stop"],
        first_load=first_load,
        change=row["change"],
        change_load=int(row["change_load"] or 0),
        patients=_patients(condition, row["phase"], signals),
    )


def _patients(condition: Condition, phase: str, signals: Mapping[str, str]) -> int:
    usual = patients_for(condition, USUAL_POWER)
    if "S2" in signals:
        return patients_for(condition, LOW_POWER[signals["S2"]])
    if phase in EARLY or "S7" in signals:
        return max(24, usual // 8)
    return usual // 2 if phase == "PHASE2" else usual
