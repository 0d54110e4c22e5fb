"""Repair of orphans: unreferenced data gets a tombstone, abandoned uploads are deleted."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction

from ncfd_site.core import sql
from storage.content import ContentNotFoundError, InvalidUriError
from storage.content.backends import StorePool
from storage.content.base import parse_backend
from storage.content.uploads import AbandonedUpload, delete_abandoned_upload, find_abandoned_uploads
from storage.repair.proposals import Proposal, RepairOptions, propose_repair, record_repair
from storage.verification.findings import Finding
from storage.verification.orphans import find_unreferenced


def propose_tombstone(finding: Finding, options: RepairOptions, stores: StorePool) -> Proposal | None:
    """Return the tombstone, None if the data is referenced, deleted or too recent."""
    if not _is_orphan(finding, options, stores):
        return None
    return propose_repair(
        f"Data at {finding.location}: add a tombstone. storage_gc deletes the data after {options.retention_days} days "
        "unless a row references it."
    )


def tombstone_orphan(finding: Finding, actor: str, options: RepairOptions, stores: StorePool) -> bool:
    """Add the tombstone. Data referenced concurrently is kept: garbage collection checks again."""
    with transaction.atomic():
        # Of two concurrent repairs, the second one waits here and finds the tombstone of the first.
        sql.value("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [finding.location])
        if not _is_orphan(finding, options, stores):
            return False
        retention = timedelta(days=options.retention_days)
        sql.scalar("tombstone_storage_uris", [finding.location], retention, "orphaned", actor)
        until = sql.value("SELECT delete_after FROM storage_tombstones WHERE storage_uri = %s", [finding.location])
        change = {"was": "no tombstone", "is": f"retained until {until:%Y-%m-%d %H:%M} UTC"}
        record_repair(finding, actor, {"what": "tombstone", "storage_uri": finding.location, **change})
    return True


def propose_upload_deletion(finding: Finding) -> Proposal | None:
    """Return the deletion, None if the file is gone or was written again."""
    upload = _find_upload(finding)
    return propose_repair(f"Delete the abandoned upload {upload.name} ({upload.size:,} bytes).") if upload else None


def delete_upload(finding: Finding, actor: str) -> bool:
    """Record and delete the file, unless it was deleted or written concurrently."""
    with transaction.atomic():
        upload = _find_upload(finding)
        if upload is None:
            return False
        record_repair(finding, actor, {"what": upload.name, "was": f"{upload.size:,} bytes", "is": "deleted"})
        if delete_abandoned_upload(settings.CONTENT_ROOT, upload.name) is None:
            transaction.set_rollback(True)
            return False
    return True


def _find_upload(finding: Finding) -> AbandonedUpload | None:
    uploads = find_abandoned_uploads(settings.CONTENT_ROOT)
    return next((upload for upload in uploads if upload.name == finding.location), None)


def _is_orphan(finding: Finding, options: RepairOptions, stores: StorePool) -> bool:
    uri = finding.location or ""
    try:
        modified_at = stores.call(parse_backend(uri), lambda store: store.get_modified_at(uri))
    except (ContentNotFoundError, InvalidUriError):
        return False
    now = find_unreferenced([uri]).get(uri)
    return now is not None and now - modified_at >= timedelta(minutes=options.min_age_minutes)
