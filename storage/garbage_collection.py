"""Garbage collection: deletes the rows of unreferenced objects, which leaves tombstones, then their data.

The database selects the objects under lock. A run that stops anywhere leaves extra data but never loses any, and the
next run resumes. One page of candidates is in memory at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.core import sql
from ncfd_site.core.formatting import format_quantity, format_size
from ncfd_site.core.progress import ProgressReporter
from storage.deletion import DeletionResult, delete_due_data

# Candidates in memory, and rows deleted per transaction, which is how long a concurrent reference may wait.
PAGE = 10_000
BATCH = 500
# Above this share of all objects, unreferenced objects of documents and studies mean that references were lost.
MAX_LOST_SHARE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class GcOptions:
    """Limits of a garbage collection.

    Objects are garbage if unreferenced and unused for `grace_days`; their data is kept for `retention_minutes` more.
    A run that would delete more than `max_delete_percent` of all objects is rejected, as is one on a store that seems
    to have lost references, unless `allow_missing_references`.
    """

    grace_days: int = 30
    retention_minutes: int = 60
    max_delete_percent: float = 25
    allow_missing_references: bool = False


@dataclass(frozen=True, slots=True)
class GcPreview:
    """Objects, data and tombstones that a garbage collection would delete.

    `in_use_count` objects have no reference, but a document or study points to them; `foreign_count` have a URI of no
    store of this site. Both are kept.
    """

    object_count: int
    has_references: bool
    candidate_count: int
    candidate_bytes: int
    unused_since: datetime | None
    in_use_count: int
    foreign_count: int
    tombstone_count: int
    due_count: int
    due_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GcResult:
    """Deleted rows, their size, and deleted data; candidates in use were skipped."""

    row_count: int
    row_bytes: int
    skipped_count: int
    data: DeletionResult


class GcBlockedError(UserError):
    """The run would delete too much, or references seem to be lost; nothing was deleted."""

    exit_code = ExitCode.CONSENT_NEEDED


@dataclass(frozen=True, slots=True)
class _Candidate:
    object_id: int
    last_accessed: datetime


@dataclass(frozen=True, slots=True)
class _DeletedRow:
    object_id: int
    sha256: str
    backend_type: str
    storage_uri: str
    size_bytes: int


# One scan of the candidates; the count of all objects is an index scan.
_PREVIEW = """
    WITH judged AS (
        SELECT c.size_bytes, c.last_accessed, find_deletion_blocker(c.object_id, c.sha256, c.storage_uri) AS blocker
        FROM get_cleanup_candidates(%(days)s, 0) c
    )
    SELECT (SELECT count(*) FROM storage_objects) AS object_count,
           EXISTS (SELECT FROM storage_references) AS has_references,
           count(*) FILTER (WHERE blocker IS NULL) AS candidate_count,
           coalesce(sum(size_bytes) FILTER (WHERE blocker IS NULL), 0)::bigint AS candidate_bytes,
           min(last_accessed) FILTER (WHERE blocker IS NULL) AS unused_since,
           count(*) FILTER (WHERE blocker = 'owned') AS in_use_count,
           count(*) FILTER (WHERE blocker = 'foreign') AS foreign_count,
           (SELECT count(*) FROM storage_tombstones) AS tombstone_count,
           (SELECT count(*) FROM storage_tombstones WHERE delete_after <= clock_timestamp()) AS due_count,
           (SELECT coalesce(sum(size_bytes), 0)::bigint FROM storage_tombstones
            WHERE delete_after <= clock_timestamp()) AS due_bytes
    FROM judged
"""
_CANDIDATES = """
    SELECT object_id, last_accessed FROM get_cleanup_candidates(%(days)s, 0)
    WHERE %(is_first)s OR (last_accessed, object_id) > (%(last_accessed)s, %(object_id)s)
    ORDER BY last_accessed, object_id LIMIT %(page)s
"""


def preview_garbage_collection(options: GcOptions) -> GcPreview:
    """Return what a run with these options would delete. Takes time in proportion to the candidates."""
    (preview,) = sql.rows(_PREVIEW, {"days": options.grace_days}, of=GcPreview)
    return preview


def find_blocking_reason(preview: GcPreview, options: GcOptions) -> str:
    """Return why the run is rejected and what to do, empty if it is not."""
    if not preview.candidate_count:
        return ""
    if not options.allow_missing_references:
        if not preview.has_references:
            return (
                f"There are {preview.object_count:,} objects but no references, so references seem to be lost. Nothing "
                "was deleted. Restore storage_references, or use --allow-missing-references if all were released "
                "intentionally."
            )
        if preview.in_use_count > preview.object_count * MAX_LOST_SHARE:
            return (
                f"{preview.in_use_count:,} objects of documents or studies have no reference, so references seem to be "
                "lost. Nothing was deleted. Run storage_repair --only referrers to add them. If they were released "
                "intentionally, use --allow-missing-references; objects of documents and studies are kept in any case."
            )
    percent = 100 * preview.candidate_count / preview.object_count
    if percent > options.max_delete_percent:
        return (
            f"{preview.candidate_count:,} of {preview.object_count:,} objects ({percent:.3g} %) would be deleted, more "
            f"than the limit of {options.max_delete_percent:g} %. Nothing was deleted. Find out why so many are "
            f"unreferenced. To delete them, use --max-delete-percent {min(100, int(percent) + 1)}."
        )
    return ""


def collect_garbage(options: GcOptions, reporter: ProgressReporter) -> GcResult:
    """Delete the rows of garbage, then the data that is due.

    Raises `GcBlockedError` and, between two transactions, `Canceled`.
    """
    preview = preview_garbage_collection(options)
    if reason := find_blocking_reason(preview, options):
        raise GcBlockedError(reason)
    row_count, row_bytes, skipped_count = 0, 0, 0
    reporter.begin("Deleting rows", preview.candidate_count, "objects")
    for page in _iter_batches(options):
        # Candidates that are new since the preview were not subject to its limits and are left to the next run.
        batch = page[: preview.candidate_count - row_count]
        if not batch:
            break
        deleted = _delete_rows(batch, options, reporter.actor)
        row_count += len(deleted)
        row_bytes += sum(row.size_bytes for row in deleted)
        skipped_count += len(batch) - len(deleted)
        reporter.advance(len(deleted))
    data = delete_due_data(reporter)
    return GcResult(row_count=row_count, row_bytes=row_bytes, skipped_count=skipped_count, data=data)


def describe_gc_result(result: GcResult, retention_minutes: int) -> str:
    """Return what was deleted and what was kept, one sentence per line."""
    rows, objects = format_quantity(result.row_count, "row"), format_quantity(result.data.object_count, "object")
    lines = [f"Deleted {rows} ({format_size(result.row_bytes)}) and the data of {objects}."]
    if result.row_count and retention_minutes:
        lines.append(
            "The data of these rows is deleted by the first run of storage_gc --delete after "
            f"{format_quantity(retention_minutes, 'minute')}."
        )
    kept = {
        "skipped (in use)": result.skipped_count,
        "kept (referenced again)": result.data.rereferenced_count,
        "postponed by an hour (uploaded again)": result.data.postponed_count,
    }
    lines += [f"{format_quantity(count, 'object')} {reason}." for reason, count in kept.items() if count]
    return "\n".join(lines)


def _iter_batches(options: GcOptions) -> Iterator[Sequence[int]]:
    """Yield the IDs of candidates, least recently used first."""
    last: _Candidate | None = None
    while True:
        position = {
            "days": options.grace_days,
            "is_first": last is None,
            "last_accessed": last.last_accessed if last else None,
            "object_id": last.object_id if last else 0,
            "page": PAGE,
        }
        page = sql.rows(_CANDIDATES, position, of=_Candidate)
        for start in range(0, len(page), BATCH):
            yield [candidate.object_id for candidate in page[start : start + BATCH]]
        if len(page) < PAGE:
            return
        last = page[-1]


def _delete_rows(batch: Sequence[int], options: GcOptions, actor: str) -> list[_DeletedRow]:
    grace, retention = timedelta(days=options.grace_days), timedelta(minutes=options.retention_minutes)
    with transaction.atomic():
        return sql.call("delete_unreferenced_objects", list(batch), grace, retention, actor, of=_DeletedRow)
