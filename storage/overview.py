"""All content at a glance: how much there is, where it lies, how large it is, who refers to it, what may be cleaned.

The numbers come from one pass over `storage_objects`, which puts each row into a cell of a small grid (place, size,
references, age): at most about a thousand cells come back, whatever the table holds. So the page grows with the table,
by about 0.6 seconds for each million objects, and holds no row in memory. Tombstones are counted beside it: there are
as many as content left within the last hour or so. Drift is not counted here, since that would read all references: the
last check of the store tells it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from ncfd_site.core import sql
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.presentation import VERSION_ERRORS
from storage.buckets import AGES, GRACE_DAYS, REFERENCES, SIZES, Bucket
from storage.verification import Check, Summary

CHECK, CLEAN, MOVE = "storage_verify", "storage_gc", "storage_tier"
JOBS_SHOWN = 8

# A threshold is the first value of the next range. An age is over when the moment is that long ago or longer: the first
# moment that is younger lies a microsecond after it.
_GRID = """
    SELECT backend_type::text, tier, width_bucket(size_bytes, %(sizes)s::bigint[]) AS size_at,
           width_bucket(refcount, %(references)s::integer[]) AS references_at,
           CASE WHEN refcount = 0 THEN width_bucket(last_accessed, ARRAY(
               SELECT statement_timestamp() - make_interval(days => days) + interval '1 microsecond'
               FROM unnest(%(days)s::integer[]) WITH ORDINALITY AS given (days, place) ORDER BY place
           )) END AS age_at,
           count(*) AS contents, coalesce(sum(size_bytes), 0)::bigint AS size_bytes,
           coalesce(sum(refcount), 0)::bigint AS references
    FROM storage_objects GROUP BY 1, 2, 3, 4, 5
"""
_TOMBSTONES = """
    SELECT count(*) AS waiting, coalesce(sum(size_bytes), 0)::bigint AS size_bytes,
           count(*) FILTER (WHERE delete_after <= statement_timestamp()) AS due
    FROM storage_tombstones
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """Content of one place, range of sizes, of references and of ages (None where something refers to it)."""

    backend_type: str
    tier: str
    size_at: int
    references_at: int
    age_at: int | None
    contents: int
    size_bytes: int
    references: int


@dataclass(frozen=True, slots=True)
class Amount:
    """So many contents, of so many bytes."""

    contents: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Tombstones:
    """Bytes that wait to be deleted; `due` of them may go now."""

    waiting: int
    size_bytes: int
    due: int


@dataclass(frozen=True, slots=True)
class LastCheck:
    """What a check found: how many counts are wrong, and how many other things; whether it could look everywhere."""

    job_id: int
    ended_at: datetime | None
    drift: int
    others: int
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """The content as of a moment. Places are (backend, tier); the other keys are ranges, in order and all of them."""

    as_of: datetime
    total: Amount
    references: int
    candidates: Amount
    places: dict[tuple[str, str], Amount]
    sizes: dict[Bucket, Amount]
    by_references: dict[Bucket, Amount]
    ages: dict[Bucket, Amount]
    tombstones: Tombstones


def overview() -> Overview:
    """Count all content, in two queries."""
    as_of = timezone.now()
    # From the oldest on, so that the moments ascend.
    days = [bucket.low for bucket in reversed(AGES) if bucket.low]
    thresholds = {
        "sizes": [bucket.low for bucket in SIZES],
        "references": [bucket.low for bucket in REFERENCES],
        "days": days,
    }
    cells = sql.rows(_GRID, thresholds, of=Cell)
    (tombstones,) = sql.rows(_TOMBSTONES, of=Tombstones)
    places = sorted({(cell.backend_type, cell.tier) for cell in cells})
    ages = _by(AGES, cells, lambda cell: None if cell.age_at is None else len(AGES) - 1 - cell.age_at)
    past_grace = [amount for bucket, amount in ages.items() if bucket.low >= GRACE_DAYS]
    return Overview(
        as_of=as_of,
        total=_sum(cells),
        references=sum(cell.references for cell in cells),
        candidates=Amount(sum(one.contents for one in past_grace), sum(one.size_bytes for one in past_grace)),
        places={place: _sum(c for c in cells if (c.backend_type, c.tier) == place) for place in places},
        sizes=_by(SIZES, cells, lambda cell: cell.size_at - 1),
        by_references=_by(REFERENCES, cells, lambda cell: cell.references_at - 1),
        ages=ages,
        tombstones=tombstones,
    )


def jobs() -> list[Job]:
    """Return the latest jobs that check, clean or move content, newest first."""
    return list(Job.objects.filter(kind__in=(CHECK, CLEAN, MOVE)).order_by("-job_id")[:JOBS_SHOWN])


def last_check() -> LastCheck | None:
    """Return what the last check found that ended and looked at the counts; None where it cannot be told."""
    checks = Job.objects.filter(kind=CHECK, state=Job.State.DONE, result__summary__checks__has_key=Check.COUNTS.value)
    job = checks.order_by("-job_id").first()
    if job is None or job.result is None:
        return None
    try:
        summary = Summary.from_json(job.result["summary"])
        drift = summary.checks[Check.COUNTS].findings
    except VERSION_ERRORS:
        return None
    return LastCheck(job.pk, job.finished_at, drift, summary.findings - drift, summary.is_complete)


def _by(buckets: Sequence[Bucket], cells: Sequence[Cell], place: Callable[[Cell], int | None]) -> dict[Bucket, Amount]:
    return {bucket: _sum(cell for cell in cells if place(cell) == at) for at, bucket in enumerate(buckets)}


def _sum(cells: Iterable[Cell]) -> Amount:
    of_place = list(cells)
    return Amount(sum(cell.contents for cell in of_place), sum(cell.size_bytes for cell in of_place))
