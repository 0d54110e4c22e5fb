"""Stored trials and versions: how they are read, compared with new records, and written."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import sql as psycopg_sql

from ncfd_site.core import sql
from ncfd_site.ingest.batches import Stage, dump_json
from securities.loading.matching import SponsorMatcher, match_company
from securities.loading.names import normalize_company_name
from signals.loading.changes import FieldChange, diff_records, strip_derived_fields
from signals.loading.fields import Json
from signals.loading.record import TrialRecord
from signals.models.trials import VERSION_ORDER

STAGE = Stage(
    "load_trial",
    {
        "nct_id": "text",
        "sha256": "text",
        "captured_at": "timestamptz",
        "seen_at": "timestamptz",
        "is_current": "boolean",
        "last_update_submitted": "date",
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
    last_seen_at = l.seen_at
FROM load_trial l WHERE t.nct_id = l.nct_id AND l.is_current
"""
ADD_TRIALS = """
INSERT INTO trials (nct_id, sponsor_text, sponsor_company_id, phase, is_pivotal, status, indication,
                    intervention_types, est_primary_completion_date, first_posted_date, last_update_posted_date,
                    primary_endpoint_text, current_sha256, last_seen_at)
SELECT nct_id, sponsor, company_id, phase, coalesce(is_pivotal, false), status, indication, intervention_types,
       primary_completion, first_posted, last_update_posted, primary_endpoint, sha256, seen_at
FROM load_trial l WHERE NOT EXISTS (SELECT FROM trials t WHERE t.nct_id = l.nct_id) ORDER BY nct_id
"""
# Without changes, the record is stored already, in another spelling.
ADD_VERSIONS = """
INSERT INTO trial_versions (trial_id, captured_at, last_update_posted_date, raw_jsonb, primary_endpoint_text,
                            sample_size, analysis_plan_text, changes_jsonb, sha256, changed_primary_endpoint,
                            changed_sample_size, sample_size_delta, changed_analysis_plan)
SELECT t.trial_id, l.captured_at, l.last_update_posted, l.raw, l.primary_endpoint, l.sample_size, l.analysis_plan,
       l.changes, l.sha256, l.changed_primary_endpoint, l.changed_sample_size, l.sample_size_delta,
       l.changed_analysis_plan
FROM load_trial l JOIN trials t ON t.nct_id = l.nct_id
WHERE l.changes IS DISTINCT FROM '[]' ORDER BY t.trial_id
ON CONFLICT (trial_id, sha256) DO NOTHING
"""
# Parameter: NCT IDs of trials that had a company before.
COUNT_MATCHED = "SELECT count(*) FROM load_trial WHERE company_id IS NOT NULL AND nct_id <> ALL(%s)"

MARK_SEEN = """
UPDATE trials t SET last_seen_at = greatest(t.last_seen_at, l.seen_at)
FROM unnest(%s::integer[], %s::timestamptz[]) AS l (trial_id, seen_at) WHERE t.trial_id = l.trial_id
"""
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
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class StatedParts:
    """The parts of a version that are compared; None is not stated."""

    primary_endpoint: str | None = None
    sample_size: int | None = None
    analysis_plan: str | None = None

    def merge(self, before: "StatedParts") -> "StatedParts":
        """Return these parts, with those that are not stated from earlier versions."""
        return StatedParts(
            before.primary_endpoint if self.primary_endpoint is None else self.primary_endpoint,
            before.sample_size if self.sample_size is None else self.sample_size,
            before.analysis_plan if self.analysis_plan is None else self.analysis_plan,
        )


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """The current version of a trial, with the parts that the latest versions state."""

    nct_id: str
    raw_text: str
    primary_endpoint: str | None
    sample_size: int | None
    analysis_plan: str | None

    @property
    def stated(self) -> StatedParts:
        """The parts that a new record is compared with."""
        return StatedParts(self.primary_endpoint, self.sample_size, self.analysis_plan)


@dataclass(frozen=True, slots=True)
class VersionChanges:
    """Changes of a new version. Flags compare what both versions state; None without an earlier version."""

    fields: list[FieldChange] | None = None
    primary_endpoint: bool | None = None
    sample_size: bool | None = None
    sample_size_delta: int | None = None
    analysis_plan: bool | None = None

    def as_row(self) -> tuple[Any, ...]:
        """Return the values of the columns."""
        changes = dump_json(None if self.fields is None else [change.as_json() for change in self.fields])
        return changes, self.primary_endpoint, self.sample_size, self.sample_size_delta, self.analysis_plan


def lock_trials(nct_ids: Sequence[str]) -> dict[str, StoredTrial]:
    """Return the stored trials by NCT ID, locked until the end of the transaction."""
    found = sql.rows(
        "SELECT trial_id, nct_id, current_sha256, sponsor_text, sponsor_company_id, last_update_posted_date,"
        " last_seen_at"
        " FROM trials WHERE nct_id = ANY(%s) ORDER BY trial_id FOR NO KEY UPDATE",
        [list(nct_ids)],
        of=StoredTrial,
    )
    return {trial.nct_id: trial for trial in found}


_STATED = "array_agg(v.{column} ORDER BY {order}) FILTER (WHERE v.{column} IS NOT NULL)"
_CURRENT = f"""
SELECT listed.nct_id, latest.raw_jsonb::text AS raw_text, endpoints[cardinality(endpoints)] AS primary_endpoint,
       sizes[cardinality(sizes)] AS sample_size, plans[cardinality(plans)] AS analysis_plan
FROM (
    SELECT t.nct_id, array_agg(v.trial_version_id ORDER BY v.sha256 IS NOT DISTINCT FROM t.current_sha256,
                                                           {VERSION_ORDER}) AS ids,
           {_STATED.format(column="primary_endpoint_text", order=VERSION_ORDER)} AS endpoints,
           {_STATED.format(column="sample_size", order=VERSION_ORDER)} AS sizes,
           {_STATED.format(column="analysis_plan_text", order=VERSION_ORDER)} AS plans
    FROM trials t JOIN trial_versions v USING (trial_id) WHERE t.trial_id = ANY(%s) GROUP BY t.nct_id
) listed JOIN trial_versions latest ON latest.trial_version_id = listed.ids[cardinality(listed.ids)]
"""  # noqa: S608 (constants of this module)


def load_current_versions(trial_ids: Sequence[int]) -> dict[str, StoredVersion]:
    """Return the current version of each trial by NCT ID: the one with its hash, else the latest."""
    found = sql.rows(_CURRENT, [list(trial_ids)], of=StoredVersion) if trial_ids else []
    return {version.nct_id: version for version in found}


def compare_versions(before: str | None, stated: StatedParts, record: Json, parts: StatedParts) -> VersionChanges:
    """Compare a record and its parts with the text of the version before it and the parts that were stated before.

    A part that the record lacks is not a change.
    """
    if before is None:
        return VersionChanges()
    sizes = stated.sample_size, parts.sample_size
    delta = None if sizes[0] is None or sizes[1] is None else sizes[1] - sizes[0]
    return VersionChanges(
        fields=diff_records(strip_derived_fields(json.loads(before)), strip_derived_fields(record)),
        primary_endpoint=_are_known_and_different(stated.primary_endpoint, parts.primary_endpoint),
        sample_size=bool(delta),
        sample_size_delta=delta,
        analysis_plan=_are_known_and_different(stated.analysis_plan, parts.analysis_plan),
    )


def choose_sponsor_company(names: SponsorMatcher, record: TrialRecord, trial: StoredTrial | None) -> int | None:
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


def write_missing_trials(path: Path, seen_from: datetime) -> int:
    """Write the trials that were last seen before that time as CSV, and return their number. No trial is changed."""
    query = psycopg_sql.SQL(
        "SELECT nct_id, status, sponsor_text, last_seen_at FROM trials WHERE last_seen_at < {} ORDER BY nct_id"
    ).format(psycopg_sql.Literal(seen_from))
    lines = list(sql.copy_out(query))
    path.write_bytes(b"nct_id,status,sponsor,last_seen_at\n" + b"".join(lines))
    return len(lines)
