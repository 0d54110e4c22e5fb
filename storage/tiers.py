"""Moves of objects between tiers, local disk and S3: copy, verify, switch the URI, release the old data.

At any time the URI of a row has one readable copy. The target is announced before it is written, so that the remains
of a killed move are deleted by garbage collection. `backend_type` never changes: pipelines release references by it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice

from django.db import transaction

from ncfd_site.core import sql
from ncfd_site.core.formatting import format_quantity, format_size
from ncfd_site.core.progress import ProgressReporter
from storage.content import ContentStore, get_content_store, get_content_store_for
from storage.content.backends import map_concurrently
from storage.content.base import (
    WRITERS,
    ContentError,
    StoreUnavailableError,
    parse_uri,
)

# Rows read at a time.
PAGE = 1000
# A copy that is not in use after this time is garbage.
ANNOUNCED_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOptions:
    """Selection of referenced objects to move to the tier `to`, `local` or `s3`.

    Optionally only those unused for `older_than_days`, larger than `larger_than` bytes, and at most `limit`. The old
    data is kept for `retention_minutes`, for readers.
    """

    to: str
    older_than_days: int | None = None
    larger_than: int | None = None
    limit: int | None = None
    retention_minutes: int = 60


@dataclass(frozen=True, slots=True)
class MovePreview:
    """Number and size of the objects to move."""

    object_count: int
    size_bytes: int


@dataclass(slots=True)
class MoveResult:
    """Number and size of moved objects; `changed_count` were moved or deleted concurrently, `failures` by object."""

    object_count: int = 0
    size_bytes: int = 0
    changed_count: int = 0
    failures: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Row:
    object_id: int
    sha256: str
    storage_uri: str
    size_bytes: int
    target_uri: str = ""


_SELECTED = """
    FROM storage_objects
    WHERE tier <> %(to)s AND split_part(storage_uri, ':', 1) <> %(to)s AND refcount > 0
      AND get_storage_uri_hash(storage_uri) = sha256
      AND (%(days)s::integer IS NULL OR last_accessed <= statement_timestamp() - make_interval(days => %(days)s))
      AND (%(larger)s::bigint IS NULL OR size_bytes > %(larger)s)
"""
_COUNT = f"SELECT count(*) AS object_count, coalesce(sum(size_bytes), 0)::bigint AS size_bytes {_SELECTED}"
_PAGE = f"""
    SELECT object_id, sha256, storage_uri, size_bytes {_SELECTED} AND object_id > %(after)s
    ORDER BY object_id LIMIT %(page)s
"""


def preview_move(options: MoveOptions) -> MovePreview:
    """Return what would be moved."""
    (preview,) = sql.rows(_COUNT, _build_query_parameters(options), of=MovePreview)
    if options.limit is None or preview.object_count <= options.limit:
        return preview
    limited = list(islice(_iter_rows_to_move(options), options.limit))
    return MovePreview(len(limited), sum(row.size_bytes for row in limited))


def move_objects(options: MoveOptions, reporter: ProgressReporter) -> MoveResult:
    """Move the selected objects.

    Unreadable objects stay and are reported in the result. Raises `StoreUnavailableError`, `ConfigurationError`, and
    `Canceled` between two batches; objects moved before stay moved.
    """
    target = get_content_store(options.to)
    result = MoveResult()
    reporter.begin(f"Moving to {options.to}", preview_move(options).object_count, "objects")
    rows = islice(_iter_rows_to_move(options), options.limit)
    while batch := list(islice(rows, WRITERS)):
        # Pipelines can read what they stored, also after moves.
        batch = [
            replace(row, target_uri=target.build_uri(row.sha256, parse_uri(row.storage_uri).name)) for row in batch
        ]
        _announce_uris([row.target_uri for row in batch], reporter.actor)
        unavailable: ContentError | None = None
        # The database is only used from this thread.
        for row, error in zip(batch, map_concurrently(lambda row: _copy(row, target), batch), strict=True):
            if isinstance(error, StoreUnavailableError):
                unavailable = error
            elif error is not None:
                result.failures[row.object_id] = str(error)
            elif _switch_backend(row, options, reporter.actor):
                result.object_count += 1
                result.size_bytes += row.size_bytes
            else:
                result.changed_count += 1
        if unavailable is not None:
            raise unavailable
        reporter.advance(len(batch))
    return result


def describe_move_result(result: MoveResult, options: MoveOptions) -> str:
    """Return what was moved, when the old data is deleted, and what changed concurrently."""
    moved = format_quantity(result.object_count, "object")
    text = f"Moved {moved} ({format_size(result.size_bytes)}) to {options.to}."
    if result.object_count:
        minutes = options.retention_minutes
        when = f"after {format_quantity(minutes, 'minute')}" if minutes else "from now on"
        text += f" The old data is deleted by the first run of storage_gc --delete {when}."
    if result.changed_count:
        text += f" Skipped {format_quantity(result.changed_count, 'object')} (moved or deleted concurrently)."
    return text


def _iter_rows_to_move(options: MoveOptions) -> Iterator[_Row]:
    after = 0
    while page := sql.rows(_PAGE, {**_build_query_parameters(options), "after": after, "page": PAGE}, of=_Row):
        yield from page
        after = page[-1].object_id


def _build_query_parameters(options: MoveOptions) -> dict[str, object]:
    return {"to": options.to, "days": options.older_than_days, "larger": options.larger_than}


def _announce_uris(uris: Sequence[str], actor: str) -> None:
    with transaction.atomic():
        sql.scalar("tombstone_storage_uris", uris, ANNOUNCED_FOR, "expected", actor)


def _copy(row: _Row, target: ContentStore) -> ContentError | None:
    """Copy the data and read it back; return the error if that fails."""
    try:
        target.put(get_content_store_for(row.storage_uri).iter_chunks(row.storage_uri), at=row.target_uri)
        for _ in target.iter_chunks(row.target_uri):
            pass
    except ContentError as error:
        return error
    return None


def _switch_backend(row: _Row, options: MoveOptions, actor: str) -> bool:
    retention = timedelta(minutes=options.retention_minutes)
    with transaction.atomic():
        return bool(sql.scalar("move_storage_object", row.object_id, row.storage_uri, row.target_uri, retention, actor))
