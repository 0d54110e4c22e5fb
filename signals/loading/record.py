"""One record of ClinicalTrials.gov (API version 2) as the columns that the database keeps of it."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from ncfd_site.ingest.dates import partial_date
from ncfd_site.ingest.jsontext import canonical, fingerprint
from ncfd_site.ingest.records import InvalidRecord
from signals.loading.changes import substance
from signals.loading.fields import Json, count, line, objects, section, words
from signals.loading.page import ReadableRecord, readable

REGISTRY = "https://clinicaltrials.gov/study/"
LONGEST_LABEL = 100
LONGEST_NAME = 500
_NCT = re.compile(r"NCT\d{8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A registry record. None and empty mean that the record does not say."""

    raw: Json
    sha256: str
    nct_id: str
    page: ReadableRecord
    sponsor: str | None
    phase: str | None
    is_pivotal: bool | None
    is_interventional: bool
    status: str | None
    indication: str | None
    intervention_types: list[str] | None
    primary_completion: date | None
    first_posted: date | None
    last_update_posted: date | None
    primary_endpoint: str | None
    sample_size: int | None
    analysis_plan: str | None

    @property
    def source_url(self) -> str:
        """The address of this very version of the record; the registry itself ignores the query."""
        return f"{REGISTRY}{self.nct_id}?version={self.sha256[:16]}"

    @property
    def content(self) -> bytes:
        """The bytes that are kept of it: the whole record in canonical spelling."""
        return canonical(self.raw).encode()


def trial_record(value: Any) -> TrialRecord:
    """Read a study; raises `Unfit` with the reason where it is none or does not fit into the database.

    Phase is the registry's list joined, "PHASE2/PHASE3". Pivotal is what includes phase 3. Partial dates count as
    their first day.
    """
    if not isinstance(value, dict) or not isinstance(value.get("protocolSection"), dict):
        raise InvalidRecord("not a study: there is no protocolSection")
    protocol = value["protocolSection"]
    status = section(protocol, "statusModule")
    design = section(protocol, "designModule")
    phases = words(design, "phases")
    sponsor = section(section(protocol, "sponsorCollaboratorsModule"), "leadSponsor")
    nct_id = _nct_id(section(protocol, "identificationModule"))
    return TrialRecord(
        raw=value,
        sha256=fingerprint(substance(value)),
        nct_id=nct_id,
        page=readable(value, nct_id),
        sponsor=line(sponsor, "name", LONGEST_NAME) or None,
        phase=_label("/".join(phases), "phases"),
        is_pivotal="PHASE3" in phases if phases else None,
        is_interventional=line(design, "studyType", LONGEST_LABEL) == "INTERVENTIONAL",
        status=_label(line(status, "overallStatus"), "overallStatus"),
        indication="; ".join(words(section(protocol, "conditionsModule"), "conditions")) or None,
        intervention_types=_intervention_types(protocol),
        primary_completion=_date(status, "primaryCompletionDateStruct"),
        first_posted=_date(status, "studyFirstPostDateStruct"),
        last_update_posted=_date(status, "lastUpdatePostDateStruct"),
        primary_endpoint=_primary_endpoint(protocol),
        sample_size=count(section(design, "enrollmentInfo"), "count"),
        analysis_plan=_analysis_plan(value, design),
    )


def _nct_id(identification: Json) -> str:
    number = line(identification, "nctId").upper()
    if not _NCT.fullmatch(number):
        raise InvalidRecord(
            f"nctId is {number[:40]!r}, which is no number of ClinicalTrials.gov (NCT and eight digits)"
        )
    return number


def _label(value: str, what: str) -> str | None:
    if len(value) > LONGEST_LABEL:
        raise InvalidRecord(f"{what} has {len(value):,} characters, at most {LONGEST_LABEL} fit")
    return value or None


def _date(status: Json, name: str) -> date | None:
    said = line(section(status, name), "date")
    return partial_date(said, f"{name}.date") if said else None


def _intervention_types(protocol: Json) -> list[str] | None:
    found = objects(section(protocol, "armsInterventionsModule"), "interventions")
    types = {line(intervention, "type", LONGEST_LABEL) for intervention in found} - {""}
    return sorted(types) or None


def _primary_endpoint(protocol: Json) -> str | None:
    """A line for each primary outcome: what is measured, and when in square brackets."""
    found = []
    for outcome in objects(section(protocol, "outcomesModule"), "primaryOutcomes"):
        measure, frame = line(outcome, "measure"), line(outcome, "timeFrame")
        found.append(f"{measure} [{frame}]" if frame else measure)
    return "\n".join(filter(None, found)) or None


def _analysis_plan(record: Json, design: Json) -> str | None:
    """What the registry has of the analysis plan: allocation, model, masking, and the plans that were uploaded."""
    info = section(design, "designInfo")
    masking = section(info, "maskingInfo")
    stated = {
        "Allocation": line(info, "allocation"),
        "Intervention model": line(info, "interventionModel"),
        "Masking": line(masking, "masking"),
    }
    said = [f"{name}: {value}" for name, value in stated.items() if value]
    uploads = section(section(record, "documentSection"), "largeDocumentModule")
    plans = [document for document in objects(uploads, "largeDocs") if document.get("hasSap")]
    said += [f"Statistical analysis plan of {line(plan, 'date') or 'unknown date'}" for plan in plans]
    return "\n".join(said) or None
