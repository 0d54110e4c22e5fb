"""What cleaning and writing left behind: tombstones that nobody came for, files that nobody finished."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings

from ncfd_site.core.formatting import format_duration
from storage.content import StoreUnavailableError
from storage.content.uploads import AbandonedUpload, find_abandoned_uploads
from storage.verification.findings import Check, Finding, Kind
from storage.verification.passes import Looked, Page, TablePass
from storage.verification.reading import read
from storage.verification.stores import Stores

# A cleaning that runs every day comes for each tombstone in this time.
OVERDUE = timedelta(days=1)

_OVERDUE = """
SELECT storage_uri, size_bytes, clock_timestamp() - delete_after AS late FROM storage_tombstones
WHERE storage_uri > %(after)s AND storage_uri <= %(last)s AND delete_after < clock_timestamp() - %(overdue)s
ORDER BY storage_uri
"""


@dataclass(frozen=True, slots=True)
class _Tombstone:
    storage_uri: str
    size_bytes: int
    late: timedelta


def tombstone_passes() -> list[TablePass]:
    """Tombstones by their address."""
    return [
        TablePass(
            check=Check.ORPHANS,
            name="tombstones",
            step="Looking at tombstones",
            unit="tombstones",
            table="storage_tombstones",
            key="storage_uri",
            look=_look,
            first="",
        )
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingPass:
    """The files that are being written to the local store: one page."""

    stores: Stores
    check: Check = Check.ORPHANS
    name: str = "incoming"
    step: str = "Looking for abandoned files"
    unit: str = "files"

    def total(self) -> None:
        """Not known before."""

    def page(self, after: str | None) -> Page | None:
        """All of them at once: there are as many as writers were killed."""
        if after is not None:
            return None
        looked = Looked()
        try:
            found = find_abandoned_uploads(settings.CONTENT_ROOT)
        except StoreUnavailableError as error:
            self.stores.reasons.setdefault("local", str(error))
            looked.unchecked["local"] = 0
            found = []
        looked.findings += [_abandoned(one) for one in found]
        return Page("over", len(found), len(found), looked)


def _look(after: str, last: str) -> Looked:
    found = read(_OVERDUE, {"after": after, "last": last, "overdue": OVERDUE}, of=_Tombstone)
    return Looked([_overdue(one) for one in found])


def _overdue(one: _Tombstone) -> Finding:
    return Finding(
        kind=Kind.OVERDUE,
        sentence=(
            f"The bytes at {one.storage_uri} were to be deleted {format_duration(one.late)} ago: storage_gc does"
            " not run."
        ),
        sha256=one.storage_uri[-64:],
        backend_type=one.storage_uri.partition(":")[0],
        address=one.storage_uri,
    )


def _abandoned(one: AbandonedUpload) -> Finding:
    age = format_duration(datetime.now(UTC) - one.modified_at)
    return Finding(
        kind=Kind.ABANDONED,
        sentence=f"The file {one.name} in the folder CONTENT_ROOT was begun {age} ago and never finished.",
        backend_type="local",
        address=one.name,
        found=one.size,
    )
