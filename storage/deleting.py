"""Bytes whose tombstones are due are deleted, under the lock of the tombstone: who names them again waits that long."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from ncfd_site.config.errors import ConfigurationError
from ncfd_site.core import sql
from ncfd_site.core.progress import ProgressReporter
from storage.content import (
    WRITERS,
    ContentError,
    ContentNotFoundError,
    ContentStore,
    InvalidUriError,
    StoreUnavailableError,
    get_content_store,
)
from storage.content.uris import parse_backend

# Tombstones that are locked at a time.
BATCH = 200
# Bytes that were put since their row went are somebody's who has not named them yet: they get this long to do so.
POSTPONED = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """How many contents were deleted from the stores, and what of the due ones was not: why, in words, and how many.

    `lifted` were named by a row again, `postponed` were put again since.
    """

    contents: int
    size_bytes: int
    lifted: int
    postponed: int
    left: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Taken:
    storage_uri: str
    reason: str
    size_bytes: int
    created_at: datetime
    is_in_use: bool


_FORGET = """
    WITH gone AS (
        DELETE FROM storage_tombstones WHERE storage_uri = ANY(%(uris)s) RETURNING storage_uri, reason, size_bytes
    )
    INSERT INTO storage_events (actor, action, sha256, backend_type, detail)
    SELECT %(actor)s, 'bytes_deleted', right(storage_uri, 64), split_part(storage_uri, ':', 1),
           jsonb_build_object('storage_uri', storage_uri, 'size_bytes', size_bytes, 'reason', reason)
    FROM gone ORDER BY storage_uri
"""
_POSTPONE = """
    UPDATE storage_tombstones SET created_at = clock_timestamp(), delete_after = clock_timestamp() + %(by)s
    WHERE storage_uri = ANY(%(uris)s)
"""
_DUE = "SELECT count(*) FROM storage_tombstones WHERE delete_after <= clock_timestamp()"


def delete_due_bytes(control: ProgressReporter) -> Deleted:
    """Delete the bytes of every tombstone that is due; raises `Canceled` between two transactions.

    A store that cannot be asked, or is not configured, keeps its tombstones, and the result says so.
    """
    contents, size_bytes, lifted, postponed = 0, 0, 0, 0
    left: dict[str, int] = defaultdict(int)
    out: dict[str, str] = {}
    control.begin("Deleting bytes", int(sql.value(_DUE)), "contents")
    after = ""
    while True:
        with transaction.atomic():
            taken = sql.call("lock_due_tombstones", after, BATCH, of=_Taken)
            open_ones = [one for one in taken if not one.is_in_use]
            told = _delete(open_ones, out)
            gone = [one for one in open_ones if told[one.storage_uri] is True]
            young = [one.storage_uri for one in open_ones if told[one.storage_uri] is False]
            sql.execute(_FORGET, {"uris": [one.storage_uri for one in gone], "actor": control.actor})
            sql.execute(_POSTPONE, {"uris": young, "by": POSTPONED})
        if not taken:
            break
        for answer in told.values():
            if isinstance(answer, str):
                left[answer] += 1
        contents += len(gone)
        size_bytes += sum(one.size_bytes for one in gone)
        lifted += len(taken) - len(open_ones)
        postponed += len(young)
        after = taken[-1].storage_uri
        control.advance(len(taken))
    return Deleted(contents=contents, size_bytes=size_bytes, lifted=lifted, postponed=postponed, left=dict(left))


def _delete(tombstones: Sequence[_Taken], out: dict[str, str]) -> dict[str, bool | str]:
    """True where the bytes are gone, False where they are younger than their tombstone, else why they stay.

    `out` says of each store that cannot be used why, and keeps it from being asked for every batch anew.
    """
    told: dict[str, bool | str] = {}
    by_backend: dict[str, list[_Taken]] = defaultdict(list)
    for one in tombstones:
        by_backend[parse_backend(one.storage_uri)].append(one)
    for backend, ones in by_backend.items():
        if backend not in out:
            try:
                store = get_content_store(backend)
            except ConfigurationError as refusal:
                out[backend] = str(refusal)
        if backend in out:
            told |= {one.storage_uri: out[backend] for one in ones}
            continue
        # The waits for a disk or a service overlap.
        with ThreadPoolExecutor(WRITERS) as workers:
            answers = list(workers.map(lambda one, store=store: _delete_one(one, store), ones))
        for one, answer in zip(ones, answers, strict=True):
            if isinstance(answer, StoreUnavailableError):
                out[backend] = str(answer)
            told[one.storage_uri] = answer if isinstance(answer, bool) else _why(answer)
    return told


def _delete_one(tombstone: _Taken, store: ContentStore) -> bool | ContentError:
    uri = tombstone.storage_uri
    try:
        # What was announced is younger than its announcement.
        if tombstone.reason != "expected" and store.get_modified_at(uri) > tombstone.created_at:
            return False
        store.delete(uri)
    except ContentNotFoundError:
        return True
    except ContentError as error:
        return error
    return True


def _why(error: ContentError) -> str:
    if isinstance(error, InvalidUriError):
        return "A link stands in the place of the content, or what is no file: look at the folder CONTENT_ROOT."
    return str(error)
