"""Deletion of data whose tombstone is due, under the lock of the tombstone: a new reference waits for it."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from django.db import transaction

from ncfd_site.core import sql
from ncfd_site.core.progress import ProgressReporter
from storage.backup.hold import may_delete_data
from storage.content import ContentStore
from storage.content.backends import StorePool, StoreSkippedError, map_concurrently
from storage.content.base import ContentError, ContentNotFoundError, InvalidUriError, parse_uri

# Tombstones locked at a time.
BATCH = 200
# Data uploaded after its tombstone gets this long to be referenced.
POSTPONED_BY = timedelta(hours=1)


@dataclass(slots=True)
class DeletionResult:
    """Number and size of deleted objects, and of those that were due and kept.

    `rereferenced_count` got a row again, `postponed_count` were uploaded again; `failures` counts objects by reason.
    """

    object_count: int = 0
    size_bytes: int = 0
    rereferenced_count: int = 0
    postponed_count: int = 0
    failures: dict[str, int] = field(default_factory=dict)


class _Outcome(Enum):
    DELETED = auto()
    RECENT = auto()


@dataclass(frozen=True, slots=True)
class _Tombstone:
    storage_uri: str
    reason: str
    size_bytes: int
    created_at: datetime
    is_in_use: bool


_RECORD_DELETION = """
    WITH gone AS (
        DELETE FROM storage_tombstones WHERE storage_uri = ANY(%(uris)s) RETURNING storage_uri, reason, size_bytes
    )
    INSERT INTO storage_events (actor, action, sha256, backend_type, detail)
    SELECT %(actor)s, 'bytes_deleted', get_storage_uri_hash(storage_uri), split_part(storage_uri, ':', 1),
           jsonb_build_object('storage_uri', storage_uri, 'size_bytes', size_bytes, 'reason', reason)
    FROM gone ORDER BY storage_uri
"""
_POSTPONE = """
    UPDATE storage_tombstones SET created_at = clock_timestamp(), delete_after = clock_timestamp() + %(by)s
    WHERE storage_uri = ANY(%(uris)s)
"""
_COUNT_DUE = "SELECT count(*) FROM storage_tombstones WHERE delete_after <= clock_timestamp()"


def delete_due_data(reporter: ProgressReporter) -> DeletionResult:
    """Delete the data of every due tombstone; raises `Canceled` between two transactions.

    The tombstones of an unavailable store, and all of them while a backup runs, are kept and counted in `failures`.
    """
    result, failures, stores = DeletionResult(), Counter[str](), StorePool()
    reporter.begin("Deleting data", int(sql.value(_COUNT_DUE)), "objects")
    after = ""
    while True:
        with transaction.atomic():
            if not may_delete_data():
                due_count = int(sql.value(_COUNT_DUE))
                failures.update({"A backup is running, which needs the data.": due_count} if due_count else {})
                break
            taken = sql.call("lock_due_tombstones", after, BATCH, of=_Tombstone)
            open_ones = [one for one in taken if not one.is_in_use]
            answers = map_concurrently(lambda one: _delete_one(one, stores), open_ones)
            outcomes = {one.storage_uri: answer for one, answer in zip(open_ones, answers, strict=True)}
            deleted = [one for one in open_ones if outcomes[one.storage_uri] is _Outcome.DELETED]
            recent = [one.storage_uri for one in open_ones if outcomes[one.storage_uri] is _Outcome.RECENT]
            sql.execute(_RECORD_DELETION, {"uris": [one.storage_uri for one in deleted], "actor": reporter.actor})
            sql.execute(_POSTPONE, {"uris": recent, "by": POSTPONED_BY})
        if not taken:
            break
        failures.update(outcome for outcome in outcomes.values() if isinstance(outcome, str))
        result.object_count += len(deleted)
        result.size_bytes += sum(one.size_bytes for one in deleted)
        result.rereferenced_count += len(taken) - len(open_ones)
        result.postponed_count += len(recent)
        after = taken[-1].storage_uri
        reporter.advance(len(taken))
    result.failures = dict(failures)
    return result


def _delete_one(tombstone: _Tombstone, stores: StorePool) -> _Outcome | str:
    """Return the outcome, or the reason of the failure."""
    uri = tombstone.storage_uri
    backend = parse_uri(uri).backend

    def delete_unless_recent(store: ContentStore) -> _Outcome:
        # Announced data is always uploaded after its tombstone.
        if tombstone.reason != "expected" and store.get_modified_at(uri) > tombstone.created_at:
            return _Outcome.RECENT
        store.delete(uri)
        return _Outcome.DELETED

    try:
        return stores.call(backend, delete_unless_recent)
    except ContentNotFoundError:
        return _Outcome.DELETED
    except StoreSkippedError:
        return stores.failure_reasons[backend]
    except InvalidUriError:
        # Without the URI, so that equal reasons are counted together.
        return "The file is a link or not a regular file. Check the folder CONTENT_ROOT."
    except ContentError as error:
        return str(error)
