"""What must be true of a content store when everybody has gone home."""

from ncfd_site.core import sql
from ncfd_site.core.progress import NullReporter
from storage.cleaning import CleaningOptions, clean
from storage.models import StorageObject, StorageTombstone
from storage.verification import Finding, VerifyOptions, verify
from tests.storage import stocked

# Everything that nothing refers to goes, at once.
AT_ONCE = CleaningOptions(grace_days=0, keep_minutes=0, most_percent=100, despite_lost_references=True)


def findings() -> list[Finding]:
    """All that a whole check finds; no bytes are too young for it."""
    found: list[Finding] = []
    summary = verify(VerifyOptions(young_minutes=0), NullReporter("olga"), found.append)
    assert summary.is_complete
    return found


def require_no_missing_byte(*backends: str) -> None:
    """Every row has its bytes and a true count; what lies there too much has a tombstone, or the check tells it."""
    stocked.require_sound()
    leaked = {uri for backend in backends for uri in stocked.addresses(backend)}
    leaked -= set(StorageObject.objects.values_list("storage_uri", flat=True))
    leaked -= set(StorageTombstone.objects.values_list("storage_uri", flat=True))
    told = findings()
    assert {finding.kind for finding in told} <= {"orphan"}
    assert {finding.address for finding in told} == leaked


def require_convergence(*backends: str) -> None:
    """One more cleaning, when all its times are over, leaves what is referred to and no more."""
    clean(AT_ONCE, NullReporter("olga"))
    # What was put again meanwhile gets an hour until its uploader names it.
    sql.execute("UPDATE storage_tombstones SET created_at = clock_timestamp(), delete_after = clock_timestamp()")
    clean(AT_ONCE, NullReporter("olga"))
    stocked.require_sound()
    stocked.require_nothing_left_over(*backends)
    assert findings() == []
