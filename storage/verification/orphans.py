"""Orphans: stored data without a row, overdue tombstones, abandoned uploads."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from django.conf import settings

from ncfd_site.core.formatting import format_duration
from ncfd_site.postgres.replicas import use_primary
from storage.content.backends import StorePool, StoreSkippedError, map_concurrently
from storage.content.base import (
    ContentNotFoundError,
    InvalidUriError,
    ListedObject,
    StoreUnavailableError,
    build_uri,
    parse_uri,
)
from storage.content.local import AbandonedUpload, find_abandoned_uploads
from storage.verification.findings import Finding, FindingKind
from storage.verification.options import Check, VerifyOptions
from storage.verification.passes import Page, PageResult, Pass, TablePass, read_rows, read_value

# Entries of a listing at a time.
PAGE = 5_000
# Hashes are evenly distributed, so their first two digits measure the progress of a listing.
FOLDER_COUNT = 256
# A daily storage_gc deletes the data of a due tombstone within this time.
OVERDUE_AFTER = timedelta(days=1)

_UNREFERENCED = """
SELECT given.uri, clock_timestamp() AS at FROM unnest(%s::text[]) AS given (uri)
WHERE NOT is_storage_uri_in_use(given.uri)
  AND NOT EXISTS (SELECT FROM storage_tombstones t
                  WHERE get_storage_uri_hash(t.storage_uri) = get_storage_uri_hash(given.uri)
                    AND split_part(t.storage_uri, ':', 1) = split_part(given.uri, ':', 1))
"""
_HAS_ROWS = "SELECT EXISTS (SELECT FROM storage_objects WHERE tier = %(backend)s OR backend_type = %(backend)s)"
_HAS_NAMED = """
SELECT EXISTS (SELECT FROM storage_objects WHERE storage_uri LIKE %(pattern)s)
    OR EXISTS (SELECT FROM documents WHERE storage_uri LIKE %(pattern)s)
"""
_OVERDUE = """
SELECT storage_uri, clock_timestamp() - delete_after AS delay FROM storage_tombstones
WHERE storage_uri > %(after)s AND storage_uri <= %(last)s AND delete_after < clock_timestamp() - %(overdue_after)s
ORDER BY storage_uri
"""


@dataclass(frozen=True, slots=True)
class _Unreferenced:
    uri: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _OverdueRow:
    storage_uri: str
    delay: timedelta


def create_orphan_passes(options: VerifyOptions, stores: StorePool) -> list[Pass]:
    """Return the passes through both stores, the tombstones and the uploads."""
    return [
        *(
            ListingPass(
                check=Check.ORPHANS,
                name=f"objects in {backend}",
                step=f"Searching orphans in {backend}",
                unit="folders",
                backend=backend,
                # Without a row of a pipeline, its files may belong to another database.
                with_named=bool(read_value(_HAS_NAMED, {"pattern": f"{backend}://%/%"})),
                options=options,
                stores=stores,
            )
            for backend in ("local", "s3")
        ),
        TablePass(
            check=Check.ORPHANS,
            name="tombstones",
            step="Checking tombstones",
            unit="tombstones",
            table="storage_tombstones",
            key="storage_uri",
            check_range=_check_tombstones,
            start="",
        ),
        UploadPass(
            check=Check.ORPHANS,
            name="uploads",
            step="Searching abandoned uploads",
            unit="files",
            stores=stores,
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingPass(Pass):
    """A pass through the objects of one store, ordered by hash."""

    backend: str
    with_named: bool
    options: VerifyOptions
    stores: StorePool

    def count(self) -> int:
        return FOLDER_COUNT

    def check_page(self, after: str | None, until: str | None = None) -> Page | None:
        """Compare the next objects with the database."""
        end = build_uri(self.backend, "f" * 64)
        if after == end or (after is None and not self._is_in_use()):
            return None
        folder = int(parse_uri(after).sha256[:2], 16) if after else 0
        try:
            listed = self.stores.call(
                self.backend,
                lambda store: list(islice(store.list_objects(after=after, with_named=self.with_named), PAGE)),
            )
        except StoreSkippedError:
            result = PageResult()
            result.skipped[self.backend] = 0
            return Page(end, 0, 0, result)
        if not listed:
            return Page(end, FOLDER_COUNT - folder, 0, PageResult()) if after else None
        last = listed[-1].uri
        return Page(last, int(parse_uri(last).sha256[:2], 16) - folder, len(listed), self._find_orphans(listed))

    def _is_in_use(self) -> bool:
        """Return whether the store may have objects; an unused one need not be set up."""
        is_set_up = settings.CONTENT_ROOT.exists() if self.backend == "local" else bool(settings.CONTENT_S3_BUCKET)
        return is_set_up or bool(read_value(_HAS_ROWS, {"backend": self.backend}))

    def _find_orphans(self, listed: list[ListedObject]) -> PageResult:
        result, min_age = PageResult(), timedelta(minutes=self.options.min_age_minutes)
        unreferenced = find_unreferenced([one.uri for one in listed])
        suspects = []
        for one in listed:
            if one.uri in unreferenced and unreferenced[one.uri] - one.modified_at < min_age:
                result.recent_count += 1
            elif one.uri in unreferenced:
                suspects.append(one)
        # Deletion removes the data before the tombstone, and an upload adds the row before the data. An orphan must
        # therefore still exist, still be old, and be unreferenced both before and after this check.
        existing = []
        for one, modified_at in zip(suspects, map_concurrently(self._read_modified_at, suspects), strict=True):
            if isinstance(modified_at, StoreSkippedError):
                result.skipped[self.backend] += 1
            elif modified_at is not None and unreferenced[one.uri] - modified_at >= min_age:
                existing.append(one)
        still = find_unreferenced([one.uri for one in existing])
        result.findings += [_build_orphan_finding(one, still[one.uri]) for one in existing if one.uri in still]
        return result

    def _read_modified_at(self, one: ListedObject) -> datetime | StoreSkippedError | None:
        try:
            return self.stores.call(self.backend, lambda store: store.get_modified_at(one.uri))
        except (ContentNotFoundError, InvalidUriError):
            return None
        except StoreSkippedError as error:
            return error


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPass(Pass):
    """A pass of one page through the uploads in the local store."""

    stores: StorePool

    def count(self) -> None:
        return None

    def check_page(self, after: Any, until: Any = None) -> Page | None:
        """Check all files at once: there are only as many as killed writers."""
        if after is not None:
            return None
        result = PageResult()
        try:
            uploads = find_abandoned_uploads(settings.CONTENT_ROOT)
        except StoreUnavailableError as error:
            self.stores.failure_reasons.setdefault("local", str(error))
            result.skipped["local"] = 0
            uploads = []
        result.findings += [_build_upload_finding(upload) for upload in uploads]
        return Page("end", len(uploads), len(uploads), result)


def find_unreferenced(uris: list[str]) -> dict[str, datetime]:
    """Return the URIs without object, document or tombstone, with the database's time."""
    with use_primary():
        return {row.uri: row.at for row in read_rows(_UNREFERENCED, [uris], of=_Unreferenced)} if uris else {}


def _build_orphan_finding(one: ListedObject, now: datetime) -> Finding:
    age = format_duration(now - one.modified_at)
    return Finding(
        kind=FindingKind.ORPHAN,
        message=f"{one.size:,} bytes at {one.uri}, {age} old, have no object, document or tombstone.",
        sha256=parse_uri(one.uri).sha256,
        backend_type=one.uri.partition(":")[0],
        location=one.uri,
        actual=one.size,
    )


def _check_tombstones(after: str, last: str) -> PageResult:
    rows = read_rows(_OVERDUE, {"after": after, "last": last, "overdue_after": OVERDUE_AFTER}, of=_OverdueRow)
    return PageResult(
        [
            Finding(
                kind=FindingKind.OVERDUE,
                message=f"The data at {row.storage_uri} was due for deletion {format_duration(row.delay)} ago.",
                sha256=parse_uri(row.storage_uri).sha256,
                backend_type=row.storage_uri.partition(":")[0],
                location=row.storage_uri,
            )
            for row in rows
        ]
    )


def _build_upload_finding(upload: AbandonedUpload) -> Finding:
    age = format_duration(datetime.now(UTC) - upload.modified_at)
    return Finding(
        kind=FindingKind.ABANDONED,
        message=f"The upload {upload.name} in CONTENT_ROOT was last written {age} ago.",
        backend_type="local",
        location=upload.name,
        actual=upload.size,
    )
