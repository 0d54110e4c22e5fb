"""The history of trials: captures in any order give the same versions, current record and fields.

A version's changes compare it with the version before it, its flags with the latest earlier versions that state the
part. A capture that is no later than the current one can change both for later versions.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from ncfd_site.core import sql
from ncfd_site.ingest.batches import Stage
from ncfd_site.ingest.records import InvalidRecord
from signals.loading.changes import ABSENT, FieldChange
from signals.loading.record import TrialRecord, parse_trial_record
from signals.loading.stored_trials import StatedParts, StoredTrial, compare_versions
from signals.models.trials import VERSION_ORDER

# Columns of a trial that a record does not have to state; the latest version that states one has it.
STATED = (
    "sponsor",
    "phase",
    "is_pivotal",
    "status",
    "indication",
    "intervention_types",
    "primary_completion",
    "first_posted",
    "last_update_posted",
    "primary_endpoint",
)
_STAGE = Stage(
    "load_history",
    {
        "version_id": "integer",
        "changes": "jsonb",
        "changed_primary_endpoint": "boolean",
        "changed_sample_size": "boolean",
        "sample_size_delta": "integer",
        "changed_analysis_plan": "boolean",
        "default_flag": "boolean",
    },
)
_FLAGS = "changes_jsonb, changed_primary_endpoint, changed_sample_size, sample_size_delta, changed_analysis_plan"
_OLD_FLAGS = f"v.{_FLAGS.replace(', ', ', v.')}"
# A flag of another program is kept where the versions do not state the part.
_NEW_FLAGS = (
    "l.changes, coalesce(l.changed_primary_endpoint, v.changed_primary_endpoint, l.default_flag),"
    " l.changed_sample_size, l.sample_size_delta, coalesce(l.changed_analysis_plan, v.changed_analysis_plan,"
    " l.default_flag)"
)
_UPDATE_VERSIONS = f"""
UPDATE trial_versions v SET ({_FLAGS}) = ROW ({_NEW_FLAGS}) FROM load_history l
WHERE v.trial_version_id = l.version_id AND ROW ({_OLD_FLAGS}) IS DISTINCT FROM ROW ({_NEW_FLAGS})
"""  # noqa: S608 (constants of this module)
_MOVE_VERSIONS = """
UPDATE trial_versions v SET captured_at = l.captured_at
FROM load_trial l JOIN trials t USING (nct_id)
WHERE v.trial_id = t.trial_id AND v.sha256 = l.sha256 AND v.captured_at > l.captured_at
"""
_POSITIONS = """
SELECT t.nct_id, v.sha256, v.captured_at, v.last_update_posted_date AS posted
FROM trial_versions v JOIN trials t USING (trial_id) WHERE t.trial_id = ANY(%s)
"""
_VERSIONS = f"""
SELECT v.trial_version_id AS version_id, v.sha256, v.raw_jsonb::text AS raw_text, v.primary_endpoint_text,
       v.sample_size, v.analysis_plan_text
FROM trial_versions v WHERE v.trial_id = %s ORDER BY {VERSION_ORDER}
"""  # noqa: S608
# The registry's list, where a pipeline has filled it, is kept: the URLs of this loader name a hash.
_LIST_VERSIONS = rf"""
INSERT INTO ctgov_history_versions AS known (trial_id, version_rank, submitted_date, url)
SELECT v.trial_id, row_number() OVER (PARTITION BY v.trial_id ORDER BY {VERSION_ORDER}),
       coalesce(CASE WHEN l.sha256 IS NOT NULL THEN l.last_update_submitted
                     WHEN submitted.day ~ '^(19|2[01])\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$'
                     THEN (left(submitted.day, 7) || '-01')::date + right(submitted.day, 2)::integer - 1
                END, v.last_update_posted_date),
       'https://clinicaltrials.gov/study/' || t.nct_id || '?version=' || left(v.sha256, 16)
FROM trials t JOIN trial_versions v USING (trial_id)
LEFT JOIN load_trial l ON l.nct_id = t.nct_id AND l.sha256 = v.sha256
LEFT JOIN LATERAL (SELECT v.raw_jsonb #>> '{{protocolSection,statusModule,lastUpdateSubmitDate}}' AS day
                   WHERE l.sha256 IS NULL) submitted ON true
WHERE t.nct_id IN (SELECT nct_id FROM load_trial) AND NOT EXISTS (
    SELECT FROM ctgov_history_versions h
    WHERE h.trial_id = t.trial_id AND coalesce(h.url, '') NOT LIKE '%%?version=%%')
ON CONFLICT (trial_id, version_rank) DO UPDATE SET submitted_date = excluded.submitted_date, url = excluded.url
WHERE known.url <> excluded.url
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Capture:
    """A stored version without its record."""

    nct_id: str
    sha256: str
    captured_at: datetime
    posted: date | None


@dataclass(frozen=True, slots=True)
class _Version:
    version_id: int
    sha256: str
    raw_text: str
    primary_endpoint_text: str | None
    sample_size: int | None
    analysis_plan_text: str | None


@dataclass(frozen=True, slots=True)
class Placement:
    """The place of a capture among the versions of its trial.

    `is_current`: it becomes the current record. `is_next`: it is new and comes after all versions. `is_repeated`: it
    adds nothing to its stored version.
    """

    is_current: bool
    is_next: bool
    is_repeated: bool
    seen_at: datetime


def load_captures(trial_ids: Sequence[int]) -> dict[str, list[Capture]]:
    """Return the stored versions of each trial by NCT ID, in no order."""
    found: dict[str, list[Capture]] = {}
    for capture in sql.rows(_POSITIONS, [list(trial_ids)], of=Capture) if trial_ids else []:
        found.setdefault(capture.nct_id, []).append(capture)
    return found


def place_capture(
    record: TrialRecord,
    at: datetime,
    trial: StoredTrial,
    captures: Sequence[Capture],
    changes: list[FieldChange] | None,
) -> Placement:
    """Return the place of a record captured at that time; `changes` are those since the current version.

    The current version counts as captured when the trial was last seen. Of two captures of one update, one that only
    omits fields of the other is not the current one.
    """
    posted = _find_effective_date(record.last_update_posted, at, captures)
    current = next((one for one in captures if one.sha256 == trial.current_sha256), None)
    if current is None:
        stored = trial.last_update_posted_date
        is_current = stored is None or record.last_update_posted is None or record.last_update_posted >= stored
        return Placement(is_current, not captures, False, max(at, trial.last_seen_at))
    everything = [*captures, Capture(record.nct_id, record.sha256, at, record.last_update_posted)]
    current_posted = _find_effective_date(current.posted, current.captured_at, everything)
    seen_at = max(current.captured_at, trial.last_seen_at)
    is_current = (posted, at, record.sha256) > (current_posted, seen_at, current.sha256)
    if changes and posted == current_posted:
        if all(change.after is ABSENT for change in changes):
            is_current = False
        elif all(change.before is ABSENT for change in changes):
            is_current = True
    known = next((one for one in captures if one.sha256 == record.sha256), None)
    keys = [(_find_effective_date(one.posted, one.captured_at, everything), one.captured_at) for one in captures]
    return Placement(
        is_current=is_current,
        is_next=is_current and known is None and (posted, at) > max(keys) == (current_posted, current.captured_at),
        is_repeated=not is_current and known is not None and known.captured_at <= at,
        seen_at=max(at, seen_at) if posted == current_posted else at if is_current else trial.last_seen_at,
    )


def rebuild_histories(trials: Iterable[StoredTrial]) -> dict[str, TrialRecord]:
    """Correct the versions of trials after a capture that is not the latest.

    Returns the current record of each, with the fields that it does not state from the latest version that does.
    """
    updates: list[tuple[Any, ...]] = []
    folded: dict[str, TrialRecord] = {}
    for trial in trials:
        versions = sql.rows(_VERSIONS, [trial.trial_id], of=_Version)
        updates.extend(_list_updates(versions))
        if record := _fold_versions(versions, trial.current_sha256):
            folded[trial.nct_id] = record
    _STAGE.fill(updates)
    sql.execute(_UPDATE_VERSIONS)
    return folded


def list_versions() -> None:
    """Date the versions in the stage by their first capture, and list all versions of these trials.

    A list in `ctgov_history_versions` that a pipeline has filled is kept.
    """
    sql.execute(_MOVE_VERSIONS)
    sql.execute(_LIST_VERSIONS)


def _find_effective_date(posted: date | None, at: datetime, captures: Sequence[Capture]) -> date:
    if posted is not None:
        return posted
    return max((one.posted for one in captures if one.posted and one.captured_at <= at), default=date.min)


def _list_updates(versions: Sequence[_Version]) -> Iterable[tuple[Any, ...]]:
    before, stated = None, StatedParts()
    for version in versions:
        parts = StatedParts(version.primary_endpoint_text, version.sample_size, version.analysis_plan_text)
        changes = compare_versions(before, stated, json.loads(version.raw_text), parts)
        if None in (stated.primary_endpoint, parts.primary_endpoint):
            changes = replace(changes, primary_endpoint=None)
        if None in (stated.analysis_plan, parts.analysis_plan):
            changes = replace(changes, analysis_plan=None)
        yield (version.version_id, *changes.as_row(), None if before is None else False)
        before, stated = version.raw_text, parts.merge(stated)


def _fold_versions(versions: Sequence[_Version], current_sha256: str | None) -> TrialRecord | None:
    folded: TrialRecord | None = None
    current = [version for version in versions if version.sha256 == current_sha256]
    for version in (*current, *reversed(versions)):
        try:
            record = parse_trial_record(json.loads(version.raw_text))
        except InvalidRecord:  # written by another program
            continue
        if folded is None:
            if version.sha256 != current_sha256:
                return None
            folded = replace(record, sha256=version.sha256)
        missing = [name for name in STATED if getattr(folded, name) is None]
        folded = replace(folded, **{name: getattr(record, name) for name in missing})
        if not missing:
            break
    return folded
