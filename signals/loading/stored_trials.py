"""Stored trials and versions: how they are read, compared with new records, and written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ncfd_site.core import sql
from ncfd_site.ingest.batches import Stage
from securities.loading.names import match_company, normalize_company_name
from signals.loading.changes import FieldChange, diff_records, strip_derived_fields
from signals.loading.record import TrialRecord

STAGE = Stage(
    "load_trial",
    {
        "nct_id": "text",
        "sha256": "text",
        "raw": "jsonb",
        "sponsor": "text",
        "company_id": "integer",
        "phase": "text",
        "is_pivotal": "boolean",
        "status": "text",
        "indication": "text",
        "intervention_types": "varchar[]",
        "primary_completion": "date",
        "first_posted": "date",
        "last_update_posted": "date",
        "primary_endpoint": "text",
        "sample_size": "integer",
        "analysis_plan": "text",
        "changes": "jsonb",
        "changed_primary_endpoint": "boolean",
        "changed_sample_size": "boolean",
        "sample_size_delta": "integer",
        "changed_analysis_plan": "boolean",
    },
)

# Fields that a record does not state are kept: some sources have few modules.
UPDATE_TRIALS = """
UPDATE trials t SET
    sponsor_text = coalesce(l.sponsor, t.sponsor_text),
    sponsor_company_id = l.company_id,
    phase = coalesce(l.phase, t.phase),
    is_pivotal = coalesce(l.is_pivotal, t.is_pivotal),
    status = coalesce(l.status, t.status),
    indication = coalesce(l.indication, t.indication),
    intervention_types = coalesce(l.intervention_types, t.intervention_types),
    est_primary_completion_date = coalesce(l.primary_completion, t.est_primary_completion_date),
    first_posted_date = coalesce(l.first_posted, t.first_posted_date),
    last_update_posted_date = coalesce(l.last_update_posted, t.last_update_posted_date),
    primary_endpoint_text = coalesce(l.primary_endpoint, t.primary_endpoint_text),
    current_sha256 = l.sha256,
    last_seen_at = clock_timestamp()
FROM load_trial l WHERE t.nct_id = l.nct_id
"""
ADD_TRIALS = """
INSERT INTO trials (nct_id, sponsor_text, sponsor_company_id, phase, is_pivotal, status, indication,
                    intervention_types, est_primary_completion_date, first_posted_date, last_update_posted_date,
                    primary_endpoint_text, current_sha256, last_seen_at)
SELECT nct_id, sponsor, company_id, phase, coalesce(is_pivotal, false), status, indication, intervention_types,
       primary_completion, first_posted, last_update_posted, primary_endpoint, sha256, clock_timestamp()
FROM load_trial l WHERE NOT EXISTS (SELECT FROM trials t WHERE t.nct_id = l.nct_id) ORDER BY nct_id
"""
# Without changes, the record is stored already, in another spelling.
ADD_VERSIONS = """
INSERT INTO trial_versions (trial_id, captured_at, last_update_posted_date, raw_jsonb, primary_endpoint_text,
                            sample_size, analysis_plan_text, changes_jsonb, sha256, changed_primary_endpoint,
                            changed_sample_size, sample_size_delta, changed_analysis_plan)
SELECT t.trial_id, clock_timestamp(), l.last_update_posted, l.raw, l.primary_endpoint, l.sample_size, l.analysis_plan,
       l.changes, l.sha256, l.changed_primary_endpoint, l.changed_sample_size, l.sample_size_delta,
       l.changed_analysis_plan
FROM load_trial l JOIN trials t ON t.nct_id = l.nct_id
WHERE l.changes IS DISTINCT FROM '[]' ORDER BY t.trial_id
ON CONFLICT (trial_id, sha256) DO NOTHING
"""
# Parameter: NCT IDs of trials that had a company before.
COUNT_MATCHED = "SELECT count(*) FROM load_trial WHERE company_id IS NOT NULL AND nct_id <> ALL(%s)"

MARK_SEEN = "UPDATE trials SET last_seen_at = clock_timestamp() WHERE trial_id = ANY(%s)"
MATCH_SPONSORS = """
UPDATE trials t SET sponsor_company_id = m.company_id
FROM unnest(%s::integer[], %s::integer[]) AS m (trial_id, company_id)
WHERE t.trial_id = m.trial_id AND t.sponsor_company_id IS NULL
"""

# The cursor only moves forward, and never past today.
SAVE_CURSOR = """
INSERT INTO ctgov_ingest_state (id, cursor_last_update_posted, last_run_at)
VALUES (true, least(%(until)s, current_date), clock_timestamp())
ON CONFLICT (id) DO UPDATE SET
    cursor_last_update_posted =
        greatest(ctgov_ingest_state.cursor_last_update_posted, excluded.cursor_last_update_posted),
    last_run_at = excluded.last_run_at
"""


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
        primary_endpoint=_are_known_and_different(before.primary_endpoint_text, record.primary_endpoint),
        sample_size=bool(delta),
        sample_size_delta=delta,
        analysis_plan=_are_known_and_different(before.analysis_plan_text, record.analysis_plan),
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
    is_same = trial.sponsor_text is not None and (
        normalize_company_name(record.sponsor or "") == normalize_company_name(trial.sponsor_text)
    )
    if record.sponsor is None or is_same:
        return trial.sponsor_company_id
    was_matched = match_company(names, trial.sponsor_text) == trial.sponsor_company_id
    return match if match is not None or was_matched else trial.sponsor_company_id


def _are_known_and_different(before: str | None, after: str | None) -> bool:
    return before is not None and after is not None and before != after
