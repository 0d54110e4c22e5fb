"""The versions of a trial's registry record: reads for the page of the record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ncfd_site.core import sql
from signals.explanation.record_diff import section_of
from signals.models import RegistryHistoryVersion
from signals.trials.json_text import ReadJson, read_json

MOST_VERSIONS = 200
MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Version:
    """A version without its record; `fields` are the names of what changed since the capture before."""

    version_id: int
    captured_at: datetime
    last_update_posted_date: date | None
    sample_size: int | None
    sample_size_delta: int | None
    changed_primary_endpoint: bool | None
    changed_sample_size: bool | None
    changed_analysis_plan: bool | None
    fields: list[str] | None

    @property
    def flags(self) -> list[str]:
        """The material changes."""
        told = {
            "primary endpoint": self.changed_primary_endpoint,
            "sample size": self.changed_sample_size,
            "analysis plan": self.changed_analysis_plan,
        }
        return [name for name, changed in told.items() if changed]

    @property
    def delta(self) -> str:
        """The change of the sample size with its sign."""
        return f"{self.sample_size_delta:+,}" if self.sample_size_delta else ""

    @property
    def change(self) -> str:
        """A summary of the changes; the first version has none."""
        if self.fields is None:
            return "first version, or changes not recorded"
        names = [*dict.fromkeys(section_of(name.split(".")).lower() for name in self.fields)]
        if not names:
            return "no change by the sponsor"
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        return ", ".join(names[:MOST_NAMED]) + more


_VERSIONS = """
    SELECT trial_version_id AS version_id, captured_at, last_update_posted_date, sample_size, sample_size_delta,
           changed_primary_endpoint, changed_sample_size, changed_analysis_plan,
           CASE jsonb_typeof(changes_jsonb)
               WHEN 'array' THEN ARRAY(SELECT left(c ->> 'field', 200) FROM jsonb_array_elements(changes_jsonb) c
                                       WHERE jsonb_typeof(c -> 'field') = 'string' LIMIT 200)
               WHEN 'object' THEN ARRAY(SELECT left(k, 200) FROM jsonb_object_keys(changes_jsonb) k LIMIT 200)
           END AS fields
    FROM trial_versions WHERE trial_id = %s ORDER BY captured_at DESC, trial_version_id DESC LIMIT %s
"""


def versions_of(trial_id: int) -> list[Version]:
    """Return the versions of a trial, the newest first, without their records."""
    return sql.rows(_VERSIONS, [trial_id, MOST_VERSIONS], of=Version)


@dataclass(frozen=True, slots=True)
class _Record:
    version_id: int
    record: str


def records_of(trial_id: int, version_ids: Sequence[int]) -> dict[int, ReadJson]:
    """Return the records of versions of a trial, by version."""
    found = sql.rows(
        """SELECT trial_version_id AS version_id, raw_jsonb::text AS record
           FROM trial_versions WHERE trial_id = %s AND trial_version_id = ANY(%s)""",
        [trial_id, list(version_ids)],
        of=_Record,
    )
    return {row.version_id: read_json(row.record) for row in found}


def registry_history(trial_id: int) -> list[RegistryHistoryVersion]:
    """Return the registry's own list of a record's versions, the newest first."""
    return list(RegistryHistoryVersion.objects.filter(trial_id=trial_id).order_by("-version_rank")[:MOST_VERSIONS])
