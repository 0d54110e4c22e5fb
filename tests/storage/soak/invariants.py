"""Invariants of a content store after concurrent work."""

from ncfd_site.core import sql
from ncfd_site.core.progress import NullReporter
from storage.garbage_collection import GcOptions, collect_garbage
from storage.models import StorageObject, StorageTombstone
from storage.verification import Finding, VerifyOptions, verify
from tests.storage import store_setup

# Deletes all unreferenced objects immediately.
AT_ONCE = GcOptions(grace_days=0, retention_minutes=0, max_delete_percent=100, allow_missing_references=True)


def find_errors() -> list[Finding]:
    """Return the findings of a complete verification without minimum age."""
    findings: list[Finding] = []
    summary = verify(VerifyOptions(min_age_minutes=0), NullReporter("olga"), findings.append)
    assert summary.is_complete
    return findings


def assert_nothing_lost(*backends: str) -> None:
    """Assert that rows have their data and counts, and that extra data has a tombstone or is found as orphan."""
    store_setup.assert_consistent()
    extra = {uri for backend in backends for uri in store_setup.list_uris(backend)}
    extra -= set(StorageObject.objects.values_list("storage_uri", flat=True))
    extra -= set(StorageTombstone.objects.values_list("storage_uri", flat=True))
    findings = find_errors()
    assert {finding.kind for finding in findings} <= {"orphan"}
    assert {finding.location for finding in findings} == extra


def assert_converges(*backends: str) -> None:
    """Assert that after garbage collection without delays only referenced objects are left."""
    collect_garbage(AT_ONCE, NullReporter("olga"))
    # Postponed data.
    sql.execute("UPDATE storage_tombstones SET created_at = clock_timestamp(), delete_after = clock_timestamp()")
    collect_garbage(AT_ONCE, NullReporter("olga"))
    store_setup.assert_consistent()
    store_setup.assert_no_leftovers(*backends)
    assert find_errors() == []
