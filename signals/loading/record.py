"""A record of ClinicalTrials.gov (API version 2) as column values."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from ncfd_site.ingest.json_records import canonical_json
from ncfd_site.ingest.records import InvalidRecord
from ncfd_site.ingest.text import parse_partial_date
from signals.loading.changes import strip_derived_fields
from signals.loading.codes import normalize_code, parse_phases, parse_status
from signals.loading.fields import Json, get_count, get_line, get_objects, get_section, get_strings
from signals.loading.record_text import MAX_NAME_LENGTH, RecordText, render_record

REGISTRY = "https://clinicaltrials.gov/study/"
MAX_LABEL_LENGTH = 100
_NCT = re.compile(r"NCT\d{8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A registry record. None and empty mean not stated; without `captured_at`, it is captured when it is written."""

    raw: Json
    text: str
    sha256: str
    nct_id: str
    former_ids: list[str]
    page: RecordText
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
    last_update_submitted: date | None
    primary_endpoint: str | None
    sample_size: int | None
    analysis_plan: str | None
    captured_at: datetime | None = None

    @property
    def source_url(self) -> str:
        """Address of the record; the query, which the registry ignores, identifies the version."""
        return f"{REGISTRY}{self.nct_id}?version={self.sha256[:16]}"

    @property
    def content(self) -> bytes:
        """The record as canonical JSON, for the content store."""
        return self.text.encode()


def parse_trial_record(value: Any, captured_at: datetime | None = None) -> TrialRecord:
    """Return the columns of a study. Raises InvalidRecord, also for an update posted after the capture.

    `phase` joins the phases of the registry ("PHASE2/PHASE3"); a trial is pivotal if they include phase 3. A partial
    date counts as its first day.
    """
    if not isinstance(value, dict) or not isinstance(value.get("protocolSection"), dict):
        raise InvalidRecord(f"not a study: protocolSection is missing{_describe_other_version(value)}")
    protocol = value["protocolSection"]
    status = get_section(protocol, "statusModule")
    design = get_section(protocol, "designModule")
    phases = get_strings(design, "phases")
    _parse_label("/".join(phases), "phases")
    phases = parse_phases(phases)
    posted = _parse_date(status, "lastUpdatePostDateStruct")
    # A day of slack, because the registry's day is that of Washington.
    if captured_at and posted and datetime.combine(posted, time(), UTC) > captured_at + timedelta(days=1):
        raise InvalidRecord(
            f"lastUpdatePostDateStruct.date is {posted}, after the capture on {captured_at:%Y-%m-%d}."
            " Correct --captured-at"
        )
    sponsor = get_section(get_section(protocol, "sponsorCollaboratorsModule"), "leadSponsor")
    text, stripped = canonical_json(value), strip_derived_fields(value)
    nct_id = _parse_nct_id(get_section(protocol, "identificationModule"))
    return TrialRecord(
        raw=value,
        text=text,
        sha256=hashlib.sha256((text if stripped is value else canonical_json(stripped)).encode()).hexdigest(),
        nct_id=nct_id,
        former_ids=_list_former_ids(get_section(protocol, "identificationModule"), nct_id),
        page=render_record(value, nct_id),
        sponsor=get_line(sponsor, "name", MAX_NAME_LENGTH) or None,
        phase="/".join(phases) or None,
        is_pivotal="PHASE3" in phases if phases else None,
        is_interventional=normalize_code(get_line(design, "studyType", MAX_LABEL_LENGTH)) == "INTERVENTIONAL",
        status=parse_status(_parse_label(get_line(status, "overallStatus"), "overallStatus") or ""),
        indication="; ".join(get_strings(get_section(protocol, "conditionsModule"), "conditions")) or None,
        intervention_types=_list_intervention_types(protocol),
        primary_completion=_parse_date(status, "primaryCompletionDateStruct"),
        first_posted=_parse_date(status, "studyFirstPostDateStruct"),
        last_update_posted=posted,
        last_update_submitted=_parse_text_date(get_line(status, "lastUpdateSubmitDate"), "lastUpdateSubmitDate"),
        primary_endpoint=_format_primary_endpoint(protocol),
        sample_size=get_count(get_section(design, "enrollmentInfo"), "count"),
        analysis_plan=_format_analysis_plan(value, design),
        captured_at=captured_at,
    )


def _describe_other_version(value: Any) -> str:
    """Return a hint if the record is one of the registry's API version 1, which is closed since 2024."""
    keys = set(value) if isinstance(value, dict) else set()
    if keys & {"FullStudiesResponse", "FullStudies", "FullStudy", "Study", "ProtocolSection", "StudyFieldsResponse"}:
        return ". This is API version 1; download the study from https://clinicaltrials.gov/api/v2/studies"
    return ""


def _parse_nct_id(identification: Json) -> str:
    number = get_line(identification, "nctId").upper()
    if not _NCT.fullmatch(number):
        raise InvalidRecord(f"nctId is {number[:40]!r}, which is not an NCT ID (NCT and eight digits)")
    return number


def _list_former_ids(identification: Json, nct_id: str) -> list[str]:
    """Return the numbers under which the registry listed the trial before, which it keeps as aliases."""
    found = {alias.upper() for alias in get_strings(identification, "nctIdAliases")}
    return sorted(alias for alias in found - {nct_id} if _NCT.fullmatch(alias))


def _parse_label(value: str, name: str) -> str | None:
    if len(value) > MAX_LABEL_LENGTH:
        raise InvalidRecord(f"{name} has {len(value):,} characters, at most {MAX_LABEL_LENGTH} fit")
    return value or None


def _parse_date(status: Json, name: str) -> date | None:
    return _parse_text_date(get_line(get_section(status, name), "date"), f"{name}.date")


def _parse_text_date(text: str, name: str) -> date | None:
    return parse_partial_date(text, name) if text else None


def _list_intervention_types(protocol: Json) -> list[str] | None:
    interventions = get_objects(get_section(protocol, "armsInterventionsModule"), "interventions")
    types = {normalize_code(get_line(intervention, "type", MAX_LABEL_LENGTH)) for intervention in interventions} - {""}
    return sorted(types) or None


def _format_primary_endpoint(protocol: Json) -> str | None:
    """Return a line for each primary outcome, with its time frame in square brackets."""
    found = []
    for outcome in get_objects(get_section(protocol, "outcomesModule"), "primaryOutcomes"):
        measure, frame = get_line(outcome, "measure"), get_line(outcome, "timeFrame")
        found.append(f"{measure} [{frame}]" if frame else measure)
    return "\n".join(filter(None, found)) or None


def _format_analysis_plan(record: Json, design: Json) -> str | None:
    """Return allocation, model, masking and the uploaded analysis plans, a line for each."""
    info = get_section(design, "designInfo")
    masking = get_section(info, "maskingInfo")
    stated = {
        "Allocation": get_line(info, "allocation"),
        "Intervention model": get_line(info, "interventionModel"),
        "Masking": get_line(masking, "masking"),
    }
    lines = [f"{name}: {value}" for name, value in stated.items() if value]
    uploads = get_section(get_section(record, "documentSection"), "largeDocumentModule")
    plans = [document for document in get_objects(uploads, "largeDocs") if document.get("hasSap")]
    lines += [f"Statistical analysis plan of {get_line(plan, 'date') or 'unknown date'}" for plan in plans]
    return "\n".join(lines) or None
