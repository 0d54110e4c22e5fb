"""What the database knows of the trials of a batch, and what of each record is news to it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ncfd_site.core import sql
from securities.loading.matching import match_company
from securities.loading.names import normalize_company_name
from signals.loading.changes import FieldChange, diff_records, strip_derived_fields
from signals.loading.record import TrialRecord


@dataclass(frozen=True, slots=True)
class StoredTrial:
    """A trial as the database has it."""

    trial_id: int
    nct_id: str
    current_sha256: str | None
    sponsor_text: str | None
    sponsor_company_id: int | None
    last_update_posted_date: date | None


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """The version that a new record of the trial is compared with."""

    nct_id: str
    raw_text: str
    primary_endpoint_text: str | None
    sample_size: int | None
    analysis_plan_text: str | None


def lock_trials(nct_ids: Sequence[str]) -> dict[str, StoredTrial]:
    """Those trials of the list that exist, locked until the transaction ends."""
    found = sql.rows(
        "SELECT trial_id, nct_id, current_sha256, sponsor_text, sponsor_company_id, last_update_posted_date"
        " FROM trials WHERE nct_id = ANY(%s) ORDER BY trial_id FOR NO KEY UPDATE",
        [list(nct_ids)],
        of=StoredTrial,
    )
    return {trial.nct_id: trial for trial in found}


def load_current_versions(trial_ids: Sequence[int]) -> dict[str, StoredVersion]:
    """The version that each trial stands at: the one its hash names, else the one captured last."""
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


@dataclass(frozen=True, slots=True)
class VersionChanges:
    """What a new version changed. Flags compare what both versions state; None where there is none before."""

    fields: list[FieldChange] | None = None
    primary_endpoint: bool | None = None
    sample_size: bool | None = None
    sample_size_delta: int | None = None
    analysis_plan: bool | None = None


def compare_versions(before: StoredVersion | None, record: TrialRecord) -> VersionChanges:
    """Compare a record with the version before; a record that lacks a part does not count as a change of it."""
    if before is None:
        return VersionChanges()
    sizes = before.sample_size, record.sample_size
    delta = None if sizes[0] is None or sizes[1] is None else sizes[1] - sizes[0]
    return VersionChanges(
        fields=diff_records(strip_derived_fields(json.loads(before.raw_text)), strip_derived_fields(record.raw)),
        primary_endpoint=_stated_otherwise(before.primary_endpoint_text, record.primary_endpoint),
        sample_size=bool(delta),
        sample_size_delta=delta,
        analysis_plan=_stated_otherwise(before.analysis_plan_text, record.analysis_plan),
    )


def is_older(record: TrialRecord, known: StoredTrial) -> bool:
    """Whether the record says of itself that it is from before what the database has."""
    last = known.last_update_posted_date
    return last is not None and record.last_update_posted is not None and record.last_update_posted < last


def choose_sponsor_company(
    names: Mapping[str, int | None], record: TrialRecord, known: StoredTrial | None
) -> int | None:
    """The company to keep for the sponsor of the record.

    What somebody else decided for the same sponsor stays. What only followed from a former sponsor's name goes with
    that name.
    """
    match = match_company(names, record.sponsor)
    if known is None or known.sponsor_company_id is None:
        return match
    if record.sponsor is None or _same_name(record.sponsor, known.sponsor_text):
        return known.sponsor_company_id
    followed = match_company(names, known.sponsor_text) == known.sponsor_company_id
    return match if match is not None or followed else known.sponsor_company_id


def _same_name(one: str, other: str | None) -> bool:
    return other is not None and normalize_company_name(one) == normalize_company_name(other)


def _stated_otherwise(before: str | None, after: str | None) -> bool:
    return before is not None and after is not None and before != after
