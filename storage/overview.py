"""Statistics of all objects: by tier, size, reference count and age.

One scan of `storage_objects` groups the rows by tier and bucket into at most about a thousand cells, in about 0.6
seconds per million objects. Drift is not counted here, since that would read all references; it is taken from the last
verification.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from ncfd_site.core import sql
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.presentation import VERSION_ERRORS
from storage.jobs import COLLECT, MOVE, VERIFY
from storage.verification import Check, Summary

KIB, MIB = 1024, 1024**2
# The grace period of `get_cleanup_candidates` and `storage_gc`.
GRACE_DAYS = 30
MAX_JOBS = 8


@dataclass(frozen=True, slots=True)
class Bucket:
    """The integers from `start` to below `end`, None for no end; `key` is its name in URLs."""

    key: str
    label: str
    start: int
    end: int | None

    def build_filter(self, column: str) -> dict[str, int]:
        """Return the filter for rows with the column in this bucket."""
        ends = {f"{column}__gte": self.start, f"{column}__lt": self.end}
        return {lookup: end for lookup, end in ends.items() if end is not None}


SIZES = (
    Bucket("unknown", "unknown", 0, 1),
    Bucket("under-1k", "under 1 KiB", 1, KIB),
    Bucket("1k-10k", "1 to 10 KiB", KIB, 10 * KIB),
    Bucket("10k-100k", "10 to 100 KiB", 10 * KIB, 100 * KIB),
    Bucket("100k-1m", "100 KiB to 1 MiB", 100 * KIB, MIB),
    Bucket("1m-10m", "1 to 10 MiB", MIB, 10 * MIB),
    Bucket("10m-100m", "10 to 100 MiB", 10 * MIB, 100 * MIB),
    Bucket("over-100m", "100 MiB and more", 100 * MIB, None),
)
REFERENCES = (
    Bucket("0", "no reference", 0, 1),
    Bucket("1", "1 reference", 1, 2),
    Bucket("2", "2 references", 2, 3),
    Bucket("3-10", "3 to 10 references", 3, 11),
    Bucket("over-10", "more than 10 references", 11, None),
)
AGES = (
    Bucket("0", "under 30 days", 0, GRACE_DAYS),
    Bucket("30", "30 to 60 days", GRACE_DAYS, 60),
    Bucket("60", "60 to 90 days", 60, 90),
    Bucket("90", "90 to 180 days", 90, 180),
    Bucket("180", "180 to 365 days", 180, 365),
    Bucket("365", "365 days and more", 365, None),
)

# Thresholds are the starts of buckets. An age belongs to a bucket from its start on, which the microsecond ensures.
_CELLS = """
    SELECT backend_type::text, tier, width_bucket(size_bytes, %(sizes)s::bigint[]) AS size_index,
           width_bucket(refcount, %(references)s::integer[]) AS reference_index,
           CASE WHEN refcount = 0 THEN width_bucket(last_accessed, ARRAY(
               SELECT statement_timestamp() - make_interval(days => days) + interval '1 microsecond'
               FROM unnest(%(days)s::integer[]) WITH ORDINALITY AS given (days, place) ORDER BY place
           )) END AS age_index,
           count(*) AS object_count, coalesce(sum(size_bytes), 0)::bigint AS size_bytes,
           coalesce(sum(refcount), 0)::bigint AS reference_count
    FROM storage_objects GROUP BY 1, 2, 3, 4, 5
"""
_TOMBSTONES = """
    SELECT count(*) AS tombstone_count, coalesce(sum(size_bytes), 0)::bigint AS size_bytes,
           count(*) FILTER (WHERE delete_after <= statement_timestamp()) AS due_count
    FROM storage_tombstones
"""


@dataclass(frozen=True, slots=True)
class _Cell:
    backend_type: str
    tier: str
    size_index: int
    reference_index: int
    age_index: int | None  # None if referenced
    object_count: int
    size_bytes: int
    reference_count: int


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of objects and their size."""

    object_count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class TombstoneAmount:
    """A number of tombstones, the size of their data, and the number of due ones."""

    tombstone_count: int
    size_bytes: int
    due_count: int


@dataclass(frozen=True, slots=True)
class LastVerification:
    """The numbers of wrong counts and of other errors in a verification, and whether it was complete."""

    job_id: int
    finished_at: datetime | None
    drift_count: int
    other_count: int
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """Statistics at a point in time. Tiers are keyed by backend and tier, the others by bucket, in order."""

    as_of: datetime
    total: Amount
    reference_count: int
    candidates: Amount
    tiers: dict[tuple[str, str], Amount]
    sizes: dict[Bucket, Amount]
    by_references: dict[Bucket, Amount]
    ages: dict[Bucket, Amount]
    tombstones: TombstoneAmount


def load_overview() -> Overview:
    """Return the statistics, from two queries."""
    as_of = timezone.now()
    thresholds = {
        "sizes": [bucket.start for bucket in SIZES],
        "references": [bucket.start for bucket in REFERENCES],
        # Oldest first, since width_bucket needs ascending times.
        "days": [bucket.start for bucket in reversed(AGES) if bucket.start],
    }
    cells = sql.rows(_CELLS, thresholds, of=_Cell)
    (tombstones,) = sql.rows(_TOMBSTONES, of=TombstoneAmount)
    tiers = sorted({(cell.backend_type, cell.tier) for cell in cells})
    ages = _sum_by_bucket(AGES, cells, lambda cell: None if cell.age_index is None else len(AGES) - 1 - cell.age_index)
    past_grace = [amount for bucket, amount in ages.items() if bucket.start >= GRACE_DAYS]
    return Overview(
        as_of=as_of,
        total=_sum_amounts(cells),
        reference_count=sum(cell.reference_count for cell in cells),
        candidates=_sum_amounts(past_grace),
        tiers={tier: _sum_amounts(c for c in cells if (c.backend_type, c.tier) == tier) for tier in tiers},
        sizes=_sum_by_bucket(SIZES, cells, lambda cell: cell.size_index - 1),
        by_references=_sum_by_bucket(REFERENCES, cells, lambda cell: cell.reference_index - 1),
        ages=ages,
        tombstones=tombstones,
    )


def list_recent_jobs() -> list[Job]:
    """Return the latest maintenance jobs, newest first."""
    return list(Job.objects.filter(kind__in=(VERIFY, COLLECT, MOVE)).order_by("-job_id")[:MAX_JOBS])


def load_last_verification() -> LastVerification | None:
    """Return the last finished verification of counts; None if there is none that this version can read."""
    done = Job.objects.filter(kind=VERIFY, state=Job.State.DONE, result__summary__checks__has_key=Check.COUNTS.value)
    job = done.order_by("-job_id").first()
    return read_verification(job.pk, job.finished_at, job.result["summary"]) if job and job.result else None


def read_verification(job_id: int, finished_at: datetime | None, stored: dict[str, Any]) -> LastVerification | None:
    """Return a job's verification from its stored summary; None if another version wrote it."""
    try:
        summary = Summary.from_json(stored)
        drift = summary.checks[Check.COUNTS].error_count
    except VERSION_ERRORS:
        return None
    return LastVerification(job_id, finished_at, drift, summary.error_count - drift, summary.is_complete)


def _sum_by_bucket(
    buckets: Sequence[Bucket], cells: Sequence[_Cell], find_index: Callable[[_Cell], int | None]
) -> dict[Bucket, Amount]:
    return {
        bucket: _sum_amounts(cell for cell in cells if find_index(cell) == index)
        for index, bucket in enumerate(buckets)
    }


def _sum_amounts(parts: Iterable[_Cell | Amount]) -> Amount:
    amounts = list(parts)
    return Amount(sum(one.object_count for one in amounts), sum(one.size_bytes for one in amounts))
