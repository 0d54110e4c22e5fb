"""Trials with the versions of their records, read by the registry loader as if over months."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import F

from ncfd_site.demo.catalog import LOADS, Calendar, Drug, PlannedTrial
from ncfd_site.demo.loader import Loader
from ncfd_site.demo.publications import build_phrases
from ncfd_site.demo.templates import fill, read_toml
from ncfd_site.ingest.records import Record, Rejections, SourceLocation
from ncfd_site.ingest.runs import LoadProgress
from securities.models import ResolverFeature, ReviewQueueItem
from signals.loading.ctgov import load_studies
from signals.loading.record import parse_trial_record
from signals.models import IngestRun, RegistryHistoryVersion, Trial

# The size before a change: larger if the trial is underpowered now, otherwise smaller.
FORMER_SIZE = {True: 1.8, False: 0.85}
DELAY = timedelta(days=92)
# Duration of a load.
DURATION = timedelta(seconds=52)
# The registry's history has some versions that no load has read.
UNREAD = timedelta(days=130)
TO_POSTED = timedelta(days=3)


@dataclass(frozen=True)
class Version:
    """One version of a record: the load that finds it, the day of its posting, and its content."""

    load: int
    posted: date
    record: dict[str, Any]


def build_versions(trial: PlannedTrial, calendar: Calendar) -> list[Version]:
    """Return the versions of a trial's record, oldest first."""
    versions = []
    for load in [trial.first_load, trial.change_load] if trial.change else [trial.first_load]:
        posted = calendar.day(-LOADS[load - 1] - 2 - (trial.place * 7) % (90 if load == 1 else 5))
        posted = max(posted, trial.first_posted)
        former = trial.change if load == trial.first_load else ""
        versions.append(Version(load, posted, _build_record(trial, former, posted)))
    return versions


def add_trials(loader: Loader) -> None:
    """Read the registry five times; documents, names of assets and the links of HP-2 come with the records."""
    versions = {trial.nct_id: build_versions(trial, loader.calendar) for trial in loader.trials}
    for load in range(1, len(LOADS) + 1):
        loader.add("ingest_runs", (run for run in loader.fixed("ingest_runs") if run["before"] == load))
        found = [[one for one in known if one.load <= load] for known in versions.values()]
        _load_versions(loader, [known[-1] for known in found if known])
        loader.backdate(loader.calendar.load(load))
    IngestRun.objects.filter(finished_at=F("started_at")).update(finished_at=F("started_at") + DURATION)
    # The demonstration has its own cases of the sponsor resolver.
    ReviewQueueItem.objects.filter(run_id__startswith="sponsors:").delete()
    ResolverFeature.objects.filter(run_id__startswith="sponsors:").delete()
    # The registry's own list, which also has versions that no load has read.
    RegistryHistoryVersion.objects.all().delete()
    loader.trial_ids = dict(Trial.objects.values_list("nct_id", "pk"))
    for trial in loader.trials:
        days, trial_id = enumerate(_list_days(trial, versions[trial.nct_id]), start=1), loader.trial_ids[trial.nct_id]
        rows = [{"trial_id": trial_id, "trial": trial, "rank": rank, "submitted": day} for rank, day in days]
        loader.add("ctgov_history_versions", rows)


def _build_record(trial: PlannedTrial, former: str, posted: date) -> dict[str, Any]:
    """Return the record; `former` is the part that a later version changes."""
    condition = trial.condition
    is_resized = former == "size" or (former == "endpoint" and "S2" in trial.signals)
    drugs = [
        {"type": drug.registry_type, "name": _choose_intervention_name(trial, drug), "description": drug.description}
        for drug in trial.drugs
    ]
    control = {"type": "DRUG", "name": condition.control_name, "description": "Control"}
    values = {
        "ordinal": trial.acronym.rpartition("-")[2],
        "phases": trial.phase.split("/"),
        "status": "RECRUITING" if former == "status" else trial.status,
        "start": trial.first_posted + timedelta(days=30),
        "completion": trial.readout - DELAY if former == "readout" else trial.readout,
        "posted": posted,
        "patients": round(trial.patients * FORMER_SIZE["S2" in trial.signals]) if is_resized else trial.patients,
        "measure": condition.former_outcome if former == "endpoint" else condition.outcome,
        "frame": condition.former_frame if former == "endpoint" else condition.frame,
        "intervention": drugs[0]["name"],
        "interventions": drugs if trial.is_single_arm else [*drugs, control],
    }
    record: dict[str, Any] = fill(read_toml("record"), build_phrases(trial, **values))
    status = record["protocolSection"]["statusModule"]
    if not status["whyStopped"]:
        del status["whyStopped"]
    return record


def _choose_intervention_name(trial: PlannedTrial, drug: Drug) -> str:
    """Return the name in the record: INN, INN with strength, code, or an old code that the company still uses."""
    if drug is trial.drug and drug.key == "immortinib":
        return str(drug.other_code)
    forms: list[str] = [f"{drug.title} {drug.form}".strip(), drug.code if drug is trial.drug else drug.inn, drug.inn]
    return forms[int(trial.nct_id[-1]) % 3]


def _load_versions(loader: Loader, versions: Sequence[Version]) -> None:
    rejections = Rejections()
    records = (
        Record(SourceLocation("demonstration", line), parse_trial_record(version.record))
        for line, version in enumerate(versions, start=1)
    )
    load_studies(records, store=loader.store, rejections=rejections, progress=LoadProgress())
    if rejections.count:
        raise ValueError(f"Cannot load a record of the demonstration: {rejections.first[0].reason}")


def _list_days(trial: PlannedTrial, known: Sequence[Version]) -> list[date]:
    """Return the days on which the versions of a record were submitted, with versions that no load has read."""
    days = [trial.first_posted - TO_POSTED, known[0].posted - UNREAD, *(one.posted - TO_POSTED for one in known)]
    return [day for place, day in enumerate(days) if place == 0 or day > max(days[:place])]
