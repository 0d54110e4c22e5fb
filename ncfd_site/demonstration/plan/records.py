"""The registry records of the invented trials, version by version, in the form of the ClinicalTrials.gov API."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ncfd_site.demonstration.catalogue.drugs import Drug
from ncfd_site.demonstration.plan.calendar import LOADS, Calendar
from ncfd_site.demonstration.plan.trials import PlannedTrial

# What a record said before it changed: the size grew, or shrank where the trial is underpowered now.
FORMER_SIZE = {True: 1.8, False: 0.85}
DELAY = timedelta(days=92)
STOPPED = {"TERMINATED": "Business decision of the sponsor", "WITHDRAWN": "No participant was enrolled"}


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a record: the load that finds it, when it was posted, and what it says."""

    trial: PlannedTrial
    load: int
    posted: date
    record: dict[str, Any]


def versions_of(trial: PlannedTrial, place: int, calendar: Calendar) -> list[Version]:
    """The versions of the trial's record, oldest first; `place` spreads the days on which they were posted."""
    loads = [trial.first_load, *([trial.change_load] if trial.change else [])]
    versions = []
    for load in loads:
        posted = calendar.day(-LOADS[load - 1] - 2 - (place * 7) % (90 if load == 1 else 5))
        former = trial.change if trial.change and load == trial.first_load else ""
        versions.append(Version(trial, load, max(posted, trial.first_posted), _record(trial, former, posted)))
    return versions


def _record(trial: PlannedTrial, former: str, posted: date) -> dict[str, Any]:
    """The record; `former` names what it says in the way that was changed later."""
    status = {"size": trial.status, "status": "RECRUITING"}.get(former, trial.status)
    protocol = {
        "identificationModule": {
            "nctId": trial.nct_id,
            "orgStudyIdInfo": {"id": f"{trial.drug.code}-{trial.acronym.rpartition('-')[2]}01"},
            "briefTitle": f"{trial.drug.title} in {trial.condition.name} ({trial.acronym})",
            "officialTitle": official_title(trial),
            "acronym": trial.acronym,
        },
        "statusModule": {
            "overallStatus": status,
            **({"whyStopped": STOPPED[status]} if status in STOPPED else {}),
            "startDateStruct": {"date": str(trial.first_posted + timedelta(days=30)), "type": "ACTUAL"},
            "primaryCompletionDateStruct": {
                "date": str(trial.readout - DELAY if former == "readout" else trial.readout),
                "type": "ACTUAL" if status == "COMPLETED" else "ESTIMATED",
            },
            "studyFirstPostDateStruct": {"date": str(trial.first_posted), "type": "ACTUAL"},
            "lastUpdatePostDateStruct": {"date": str(max(posted, trial.first_posted)), "type": "ACTUAL"},
        },
        "sponsorCollaboratorsModule": {
            "leadSponsor": {"name": trial.sponsor, "class": "OTHER" if trial.is_public else "INDUSTRY"}
        },
        "descriptionModule": {"briefSummary": _summary(trial)},
        "conditionsModule": {"conditions": [trial.condition.name]},
        "designModule": _design(trial, former),
        "armsInterventionsModule": _arms(trial),
        "outcomesModule": {"primaryOutcomes": [_outcome(trial, former)]},
    }
    return {"protocolSection": protocol, "hasResults": False}


def official_title(trial: PlannedTrial) -> str:
    """The title in full, as protocols have it."""
    design = trial.design_words[0].upper() + trial.design_words[1:]
    added = f" Added to {trial.partner.title}" if trial.partner else ""
    return f"A {design} {trial.phase_words.title()} Trial of {trial.drug.title}{added} in {trial.condition.name}"


def intervention_name(trial: PlannedTrial, drug: Drug) -> str:
    """What the record calls a drug: its INN, some with the strength, or an old code where the maker keeps to it."""
    if drug is trial.drug and drug.key == "immortinib":
        return drug.other_codes
    last = int(trial.nct_id[-1])
    if last % 3 == 0:
        return f"{drug.title} {drug.form}".strip()
    return drug.code if last % 3 == 1 and drug is trial.drug else drug.inn


def _summary(trial: PlannedTrial) -> str:
    compared = "" if trial.is_single_arm else f", compared with {trial.condition.control}"
    added = f" added to {trial.partner.inn}" if trial.partner else ""
    return (
        f"This study tests whether {intervention_name(trial, trial.drug)}{added} helps"
        f" {trial.condition.population}{compared}.\n\n"
        "The record was invented for a demonstration of software; there is no such trial."
    )


def _design(trial: PlannedTrial, former: str) -> dict[str, Any]:
    patients = trial.patients
    if former == "size":
        patients = round(patients * FORMER_SIZE["S2" in trial.signals])
    elif former == "endpoint" and "S2" in trial.signals:
        patients = round(patients * FORMER_SIZE[True])
    info = {
        "allocation": "NA" if trial.is_single_arm else "RANDOMIZED",
        "interventionModel": "SINGLE_GROUP" if trial.is_single_arm else "PARALLEL",
        "primaryPurpose": "PREVENTION" if trial.condition.key == "rsv" else "TREATMENT",
        "maskingInfo": {"masking": "NONE" if trial.is_open_label else "DOUBLE"},
    }
    return {
        "studyType": "INTERVENTIONAL",
        "phases": trial.phase.split("/"),
        "designInfo": info,
        "enrollmentInfo": {"count": patients, "type": "ACTUAL" if trial.status == "COMPLETED" else "ESTIMATED"},
    }


def _arms(trial: PlannedTrial) -> dict[str, Any]:
    listed = [
        {"type": drug.registered_type, "name": intervention_name(trial, drug), "description": _described(trial, drug)}
        for drug in trial.given
    ]
    arms = [{"label": intervention_name(trial, trial.drug), "type": "EXPERIMENTAL"}]
    if not trial.is_single_arm:
        control = trial.condition.control
        kind = "PLACEBO_COMPARATOR" if control == "placebo" else "ACTIVE_COMPARATOR"
        arms.append({"label": control.capitalize(), "type": kind})
        listed.append({"type": "DRUG", "name": control.capitalize(), "description": "Control"})
    return {"armGroups": arms, "interventions": listed}


def _described(trial: PlannedTrial, drug: Drug) -> str:
    said = drug.description
    return said[0].upper() + said[1:] if drug is trial.drug else "Given in all arms"


def _outcome(trial: PlannedTrial, former: str) -> dict[str, Any]:
    condition = trial.condition
    measure, frame = condition.former if former == "endpoint" else (condition.outcome, condition.frame)
    return {"measure": measure, "timeFrame": frame}
