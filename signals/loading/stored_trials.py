"""Stored trials and versions, and their comparison with new records."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ncfd_site.core import sql
from securities.loading.names import match_company, normalize_company_name
from signals.loading.changes import FieldChange, diff_records, strip_derived_fields
from signals.loading.record import TrialRecord


@dataclass(frozen=True, slots=True)
class StoredTrial:
    """A row of `trials`."""

    trial_id: int
    nct_id: str
    current_sha256: str | None
    sponsor_text: str | None
    sponsor_company_id: int | None
    last_update_posted_date: date | None


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """The version that a new record is compared with."""

    nct_id: str
    raw_text: str
    primary_endpoint_text: str | None
    sample_size: int | None
    analysis_plan_text: str | None


@dataclass(frozen=True, slots=True)
class VersionChanges:
    """Changes of a new version. Flags compare what both versions state; None without an earlier version."""

    fields: list[FieldChange] | None = None
    primary_endpoint: bool | None = None
    sample_size: bool | None = None
    sample_size_delta: int | None = None
    analysis_plan: bool | None = None


def lock_trials(nct_ids: Sequence[str]) -> dict[str, StoredTrial]:
    """Return the stored trials by NCT ID, locked until the end of the transaction."""
    found = sql.rows(
        "SELECT trial_id, nct_id, current_sha256, sponsor_text, sponsor_company_id, last_update_posted_date"
        " FROM trials WHERE nct_id = ANY(%s) ORDER BY trial_id FOR NO KEY UPDATE",
        [list(nct_ids)],
        of=StoredTrial,
    )
    return {trial.nct_id: trial for trial in found}


def load_current_versions(trial_ids: Sequence[int]) -> dict[str, StoredVersion]:
    """Return the current version of each trial by NCT ID: the one with its hash, else the latest."""
    if not trial_ids:
        return {}
    found = sql.rows(
        "SELECT DISTINCT ON (t.trial_id) t.nct_id, v.raw_jsonb::text AS raw_text, v.primary_endpoint_text,"
        " v.sample_size, v.analysis_plan_text FROM trials t JOIN trial_versions v USING (trial_id)"
        " WHERE t.trial_id = ANY(%s)"
        " ORDER BY t.trial_id, v.sha256 = t.current_sha256 DESC NULLS LAST, v.captured_at DESC,"
        " v.trial_version_id DESC",
        [list(trial_ids)],
        of=StoredVersion,
    )
    return {version.nct_id: version for version in found}


def compare_versions(before: StoredVersion | None, record: TrialRecord) -> VersionChanges:
    """Compare a record with the current version; a part that the record lacks is not a change."""
    if before is None:
        return VersionChanges()
    sizes = before.sample_size, record.sample_size
    delta = None if sizes[0] is None or sizes[1] is None else sizes[1] - sizes[0]
    return VersionChanges(
        fields=diff_records(strip_derived_fields(json.loads(before.raw_text)), strip_derived_fields(record.raw)),
        primary_endpoint=_differs(before.primary_endpoint_text, record.primary_endpoint),
        sample_size=bool(delta),
        sample_size_delta=delta,
        analysis_plan=_differs(before.analysis_plan_text, record.analysis_plan),
    )


def is_older(record: TrialRecord, trial: StoredTrial) -> bool:
    """Return whether the record was posted before the stored one."""
    stored = trial.last_update_posted_date
    return stored is not None and record.last_update_posted is not None and record.last_update_posted < stored


def choose_sponsor_company(
    names: Mapping[str, int | None], record: TrialRecord, trial: StoredTrial | None
) -> int | None:
    """Return the company of the record's sponsor.

    A company that another program or user assigned to the same sponsor is kept. A company that was matched by a former
    sponsor's name is replaced with that name.
    """
    match = match_company(names, record.sponsor)
    if trial is None or trial.sponsor_company_id is None:
        return match
    if record.sponsor is None or _is_same_name(record.sponsor, trial.sponsor_text):
        return trial.sponsor_company_id
    was_matched = match_company(names, trial.sponsor_text) == trial.sponsor_company_id
    return match if match is not None or was_matched else trial.sponsor_company_id


def _is_same_name(name: str, stored: str | None) -> bool:
    return stored is not None and normalize_company_name(name) == normalize_company_name(stored)


def _differs(before: str | None, after: str | None) -> bool:
    return before is not None and after is not None and before != after
