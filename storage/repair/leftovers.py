"""Bytes that nobody names get a tombstone, so that storage_gc deletes them in time; abandoned files are deleted."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction

from ncfd_site.core import sql
from storage.content import ContentNotFoundError, InvalidUriError
from storage.content.uploads import AbandonedUpload, delete_abandoned_upload, find_abandoned_uploads
from storage.content.uris import parse_backend
from storage.repair.outcome import (
    MendOptions,
    Outcome,
    record,
    would,
)
from storage.verification.findings import Finding
from storage.verification.orphans import unnamed
from storage.verification.stores import Stores


def look_at_orphan(finding: Finding, options: MendOptions, stores: Stores) -> Outcome | None:
    """The tombstone that it would get; None where something names it, or it is gone or young."""
    if not _is_orphan(finding, options, stores):
        return None
    return would(
        f"Bytes without a row at {finding.address}: no tombstone becomes one, and storage_gc deletes them in "
        f"{options.keep_days} days unless a row names them by then."
    )


def bury_orphan(finding: Finding, actor: str, options: MendOptions, stores: Stores) -> bool:
    """Leave the tombstone. Who names the bytes at the same moment keeps them: cleaning looks again."""
    with transaction.atomic():
        # Two repairs at once: the second one finds the tombstone of the first.
        sql.value("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [finding.address])
        if not _is_orphan(finding, options, stores):
            return False
        keep = timedelta(days=options.keep_days)
        sql.scalar("tombstone_storage_uris", [finding.address], keep, "orphaned", actor)
        until = sql.value("SELECT delete_after FROM storage_tombstones WHERE storage_uri = %s", [finding.address])
        said = {"was": "without a tombstone", "is": f"kept until {until:%Y-%m-%d %H:%M} UTC"}
        record(finding, actor, {"what": "tombstone", "storage_uri": finding.address, **said})
    return True


def look_at_file(finding: Finding) -> Outcome | None:
    """The file that would be deleted; None where it is gone or was written again."""
    found = _file(finding)
    return would(f"Abandoned file {found.name} ({found.size:,} bytes) is deleted.") if found else None


def delete_file(finding: Finding, actor: str) -> bool:
    """Record that, and delete it, unless somebody was quicker."""
    with transaction.atomic():
        found = _file(finding)
        if found is None:
            return False
        record(finding, actor, {"what": found.name, "was": f"{found.size:,} bytes", "is": "deleted"})
        if delete_abandoned_upload(settings.CONTENT_ROOT, found.name) is None:
            transaction.set_rollback(True)
            return False
    return True


def _file(finding: Finding) -> AbandonedUpload | None:
    return next((one for one in find_abandoned_uploads(settings.CONTENT_ROOT) if one.name == finding.address), None)


def _is_orphan(finding: Finding, options: MendOptions, stores: Stores) -> bool:
    uri = finding.address or ""
    try:
        backend = parse_backend(uri)
        modified = stores.ask(backend, lambda store: store.get_modified_at(uri))
    except (ContentNotFoundError, InvalidUriError):
        return False
    at = unnamed([uri]).get(uri)
    return at is not None and at - modified >= timedelta(minutes=options.young_minutes)
