"""Content that nothing refers to any more goes: its row first, which leaves a tombstone, then its bytes.

The database decides what goes, under lock; see `delete_unreferenced_objects` and `lock_due_tombstones`. A run that ends
anywhere leaves bytes too many and never too few, and the next one goes on. Memory is that of one page of candidates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.core import sql
from ncfd_site.core.progress import ProgressReporter
from storage.deleting import Deleted, delete_due_bytes

# Candidates in memory at a time, and rows that are deleted in one transaction: who wants one of them waits that long.
PAGE = 10_000
BATCH = 500
# From this share of all content on, owners without a reference mean that references were lost rather than released.
LOST_SHARE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningOptions:
    """How careful a cleaning is.

    Content goes that nothing refers to and that was not used for `grace_days`; its bytes stay for `keep_minutes` more.
    More than `most_percent` of all content is refused, and so is a store whose references look lost, unless
    `despite_lost_references`.
    """

    grace_days: int = 30
    keep_minutes: int = 60
    most_percent: float = 25
    despite_lost_references: bool = False


@dataclass(frozen=True, slots=True)
class Survey:
    """What a cleaning would find: numbers of contents, and of their bytes.

    `candidates` may go. `owned` have no reference but a document or a study that points to them, and `foreign` have an
    address that is none of a store of this site: both stay.
    """

    objects: int
    has_references: bool
    candidates: int
    candidate_bytes: int
    unused_since: datetime | None
    owned: int
    foreign: int
    tombstones: int
    due: int
    due_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What a cleaning did: rows deleted, the bytes that they had, candidates that were in use after all, and bytes."""

    rows: int
    row_bytes: int
    passed_over: int
    bytes: Deleted


class CleaningRefused(UserError):
    """The cleaning would take too much, or references look lost; nothing was deleted."""

    exit_code = ExitCode.CONSENT_NEEDED


@dataclass(frozen=True, slots=True)
class _Candidate:
    object_id: int
    last_accessed: datetime


@dataclass(frozen=True, slots=True)
class _Gone:
    object_id: int
    sha256: str
    backend_type: str
    storage_uri: str
    size_bytes: int


# One pass over the candidates; the number of all content is an index scan.
_SURVEY = """
    WITH judged AS (
        SELECT c.size_bytes, c.last_accessed, find_deletion_blocker(c.object_id, c.sha256, c.storage_uri) AS blocker
        FROM get_cleanup_candidates(%(days)s, 0) c
    )
    SELECT (SELECT count(*) FROM storage_objects) AS objects,
           EXISTS (SELECT FROM storage_references) AS has_references,
           count(*) FILTER (WHERE blocker IS NULL) AS candidates,
           coalesce(sum(size_bytes) FILTER (WHERE blocker IS NULL), 0)::bigint AS candidate_bytes,
           min(last_accessed) FILTER (WHERE blocker IS NULL) AS unused_since,
           count(*) FILTER (WHERE blocker = 'owned') AS owned,
           count(*) FILTER (WHERE blocker = 'foreign') AS "foreign",
           (SELECT count(*) FROM storage_tombstones) AS tombstones,
           (SELECT count(*) FROM storage_tombstones WHERE delete_after <= clock_timestamp()) AS due,
           (SELECT coalesce(sum(size_bytes), 0)::bigint FROM storage_tombstones
            WHERE delete_after <= clock_timestamp()) AS due_bytes
    FROM judged
"""
_CANDIDATES = """
    SELECT object_id, last_accessed FROM get_cleanup_candidates(%(days)s, 0)
    WHERE %(first)s OR (last_accessed, object_id) > (%(at)s, %(number)s)
    ORDER BY last_accessed, object_id LIMIT %(page)s
"""


def survey(options: CleaningOptions) -> Survey:
    """Look what a cleaning with these options would find; changes nothing. Grows with the candidates."""
    (found,) = sql.rows(_SURVEY, {"days": options.grace_days}, of=Survey)
    return found


def obstacle(found: Survey, options: CleaningOptions) -> str:
    """Why a cleaning is refused, as sentences that say what to do; empty where it is not."""
    if not found.candidates:
        return ""
    if not options.despite_lost_references:
        if not found.has_references:
            return (
                f"There are {found.objects:,} contents and not a single reference: the references look lost, and "
                "nothing was deleted. Restore storage_references; where everything was released on purpose, repeat the "
                "command with --despite-lost-references."
            )
        if found.owned > found.objects * LOST_SHARE:
            return (
                f"Documents or studies point to {found.owned:,} contents that have no reference: references look lost, "
                "and nothing was deleted. storage_verify --only owners names them and storage_repair adds the "
                "references; where they were released on purpose, repeat the command with --despite-lost-references "
                "(content that a document or a study points to stays all the same)."
            )
    share = 100 * found.candidates / found.objects
    if share > options.most_percent:
        return (
            f"{found.candidates:,} of {found.objects:,} contents would go ({share:.3g} %), more than "
            f"{options.most_percent:g} %, and nothing was deleted. Find out why so much is referred to no more; where "
            f"it is right, repeat the command with --most-percent {_upwards(share)}."
        )
    return ""


def clean(options: CleaningOptions, control: ProgressReporter) -> Cleaned:
    """Delete what may go, then the bytes whose time is over.

    Raises `CleaningRefused` and, between two transactions, `Canceled`.
    """
    found = survey(options)
    if refused := obstacle(found, options):
        raise CleaningRefused(refused)
    rows, row_bytes, passed_over = 0, 0, 0
    control.begin("Deleting rows", found.candidates, "contents")
    for page in _batches(options):
        # What became a candidate since the survey was not weighed there, and waits for the next run.
        batch = page[: found.candidates - rows]
        if not batch:
            break
        gone = _clean(batch, options, control.actor)
        rows += len(gone)
        row_bytes += sum(one.size_bytes for one in gone)
        passed_over += len(batch) - len(gone)
        control.advance(len(gone))
    return Cleaned(rows=rows, row_bytes=row_bytes, passed_over=passed_over, bytes=delete_due_bytes(control))


def _batches(options: CleaningOptions) -> Iterator[Sequence[int]]:
    """The numbers of candidates, unused longest first."""
    last: _Candidate | None = None
    while True:
        place = {
            "days": options.grace_days,
            "first": last is None,
            "at": last.last_accessed if last else None,
            "number": last.object_id if last else 0,
            "page": PAGE,
        }
        page = sql.rows(_CANDIDATES, place, of=_Candidate)
        for start in range(0, len(page), BATCH):
            yield [one.object_id for one in page[start : start + BATCH]]
        if len(page) < PAGE:
            return
        last = page[-1]


def _clean(batch: Sequence[int], options: CleaningOptions, actor: str) -> list[_Gone]:
    with transaction.atomic():
        return sql.call(
            "delete_unreferenced_objects",
            list(batch),
            timedelta(days=options.grace_days),
            timedelta(minutes=options.keep_minutes),
            actor,
            of=_Gone,
        )


def _upwards(share: float) -> int:
    """The next whole percent."""
    return min(100, int(share) + 1)
