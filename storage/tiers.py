"""Content moves between tiers, local disk and S3: it is copied, verified, switched, and its old bytes released.

At every moment one readable copy lies where the row says. The target is announced before it is written, so what a
killed move leaves behind goes by itself. A move changes `tier` and `storage_uri`, never `backend_type`, which is part
of the key that pipelines release references by.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from django.db import transaction

from ncfd_site.core import sql
from ncfd_site.core.progress import ProgressReporter
from storage.content import (
    WRITERS,
    ContentCorruptError,
    ContentError,
    ContentStore,
    StoreUnavailableError,
    get_content_store,
)
from storage.content.uris import build_uri, parse_backend

# Rows read at a time.
PAGE = 1000
# What is copied must be switched within this time, or it counts as left behind.
EXPECTED = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOptions:
    """What moves `to` the tier `local` or `s3`: content that is referred to and does not lie there.

    Only what was not used for `older_than_days`, and what has more than `larger_than` bytes, where these are given; at
    most `limit`. The old bytes stay for `keep_minutes`, for whoever is reading them.
    """

    to: str
    older_than_days: int | None = None
    larger_than: int | None = None
    limit: int | None = None
    keep_minutes: int = 60


@dataclass(frozen=True, slots=True)
class Movable:
    """How much would move: contents and their bytes."""

    contents: int
    size_bytes: int


@dataclass(slots=True)
class Moved:
    """What a move did. `meanwhile` were moved or deleted by somebody else; `failed` says of an object why it stays."""

    contents: int = 0
    size_bytes: int = 0
    meanwhile: int = 0
    failed: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Object:
    object_id: int
    sha256: str
    storage_uri: str
    size_bytes: int


_MOVABLE = r"""
    FROM storage_objects
    WHERE tier <> %(to)s AND split_part(storage_uri, ':', 1) <> %(to)s AND refcount > 0
      AND storage_uri ~ '^(local|s3)://[0-9a-f]{64}$' AND right(storage_uri, 64) = sha256
      AND (%(days)s::integer IS NULL OR last_accessed <= statement_timestamp() - make_interval(days => %(days)s))
      AND (%(larger)s::bigint IS NULL OR size_bytes > %(larger)s)
"""
_COUNT = f"SELECT count(*) AS contents, coalesce(sum(size_bytes), 0)::bigint AS size_bytes {_MOVABLE}"
_PAGE = f"""
    SELECT object_id, sha256, storage_uri, size_bytes {_MOVABLE} AND object_id > %(after)s
    ORDER BY object_id LIMIT %(page)s
"""


def movable(options: MoveOptions) -> Movable:
    """Look what would move; changes nothing."""
    (found,) = sql.rows(_COUNT, _parameters(options), of=Movable)
    if options.limit is None or found.contents <= options.limit:
        return found
    limited = list(islice(_objects(options), options.limit))
    return Movable(len(limited), sum(one.size_bytes for one in limited))


def move(options: MoveOptions, control: ProgressReporter) -> Moved:
    """Move what the options say, some at a time.

    Content that cannot be read is named in the result and stays where it is. Raises `StoreUnavailableError` if a store
    cannot be asked, `Misconfigured` where one is not set up, and `Canceled` between two contents; what was moved until
    then stays moved.
    """
    target = get_content_store(options.to)
    moved = Moved()
    control.begin(f"Moving to {options.to}", movable(options).contents, "contents")
    left = islice(_objects(options), options.limit)
    # The waits for disks and services overlap; the database is asked from this thread alone.
    with ThreadPoolExecutor(WRITERS) as workers:
        while batch := list(islice(left, WRITERS)):
            _expect([build_uri(options.to, one.sha256) for one in batch], control.actor)
            copies = [workers.submit(_copy, one, target) for one in batch]
            unavailable: ContentError | None = None
            for one, copy in zip(batch, copies, strict=True):
                error = copy.result()
                if isinstance(error, StoreUnavailableError):
                    unavailable = error
                elif error is not None:
                    moved.failed[one.object_id] = str(error)
                elif _switch(one, options, control.actor):
                    moved.contents += 1
                    moved.size_bytes += one.size_bytes
                else:
                    moved.meanwhile += 1
            if unavailable is not None:
                raise unavailable
            control.advance(len(batch))
    return moved


def _objects(options: MoveOptions) -> Iterator[_Object]:
    after = 0
    while page := sql.rows(_PAGE, {**_parameters(options), "after": after, "page": PAGE}, of=_Object):
        yield from page
        after = page[-1].object_id


def _parameters(options: MoveOptions) -> dict[str, object]:
    return {"to": options.to, "days": options.older_than_days, "larger": options.larger_than}


def _expect(uris: Sequence[str], actor: str) -> None:
    with transaction.atomic():
        sql.scalar("tombstone_storage_uris", uris, EXPECTED, "expected", actor)


def _copy(one: _Object, target: ContentStore) -> ContentError | None:
    """Copy the bytes and read them back; the reason where that does not succeed."""
    try:
        stored = target.put(get_content_store(parse_backend(one.storage_uri)).iter_chunks(one.storage_uri))
        if stored.sha256 != one.sha256:
            return ContentCorruptError(f"The copy of {one.storage_uri} has the hash {stored.sha256}.")
        for _ in target.iter_chunks(stored.uri):
            pass
    except ContentError as error:
        return error
    return None


def _switch(one: _Object, options: MoveOptions, actor: str) -> bool:
    with transaction.atomic():
        return bool(
            sql.scalar(
                "move_storage_object",
                one.object_id,
                one.storage_uri,
                build_uri(options.to, one.sha256),
                timedelta(minutes=options.keep_minutes),
                actor,
            )
        )
