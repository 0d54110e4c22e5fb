"""Proposals and repairs by kind of finding."""

from ncfd_site.core import sql
from storage.content.pool import StorePool
from storage.repair.objects import propose_object_repair, propose_uri_action, repair_object
from storage.repair.orphans import delete_upload, propose_tombstone, propose_upload_deletion, tombstone_orphan
from storage.repair.proposals import Proposal, RepairOptions, propose_action
from storage.repair.references import (
    add_missing_reference,
    propose_count_repair,
    propose_document_uri,
    propose_reference,
    repair_count,
    set_document_uri,
)
from storage.verification.findings import Finding, FindingKind, get_referrer

_OF_OBJECTS = {FindingKind.MISSING, FindingKind.CORRUPT, FindingKind.SIZE, FindingKind.UNKNOWN_SIZE}

_HAS_NO_REFERRER = """
SELECT EXISTS (
    SELECT FROM storage_references
    WHERE object_id = %(object)s AND reference_type = %(kind)s AND referenced_id = %(key)s
) AND NOT CASE %(kind)s
    WHEN 'document' THEN EXISTS (SELECT FROM documents WHERE doc_id = %(key)s)
    ELSE EXISTS (SELECT FROM studies WHERE study_id = %(key)s)
END
"""
_HAS_OTHER_HASH = """
SELECT EXISTS (SELECT FROM documents d JOIN storage_objects o USING (object_id)
               WHERE d.doc_id = %(key)s AND o.object_id = %(object)s AND lower(d.sha256) <> lower(o.sha256))
"""
_IS_OVERDUE = """
SELECT EXISTS (SELECT FROM storage_tombstones WHERE storage_uri = %(location)s AND delete_after < clock_timestamp())
"""
# Without an automatic repair: a query that returns whether the error persists, and the manual action.
_MANUAL: dict[FindingKind, tuple[str, str]] = {
    FindingKind.MISSING_REFERRER: (
        _HAS_NO_REFERRER,
        "If its row will not be loaded, release the reference.",
    ),
    FindingKind.DOCUMENT_HASH: (_HAS_OTHER_HASH, "Find out which object is right, and correct the document."),
    FindingKind.OVERDUE: (_IS_OVERDUE, "Run storage_gc --delete, and schedule it daily."),
}


class Repairer:
    """Proposes and makes the repair of a finding."""

    def __init__(self, options: RepairOptions, stores: StorePool) -> None:
        self._options = options
        self._stores = stores

    def propose(self, finding: Finding) -> Proposal | None:
        """Check a finding again without locks; return None if it is resolved. Raises `StoreSkippedError`."""
        if finding.kind in _OF_OBJECTS:
            return propose_object_repair(finding, self._stores)
        match finding.kind:
            case FindingKind.COUNT:
                return propose_count_repair(finding)
            case FindingKind.MISSING_REFERENCE:
                return propose_reference(finding)
            case FindingKind.DOCUMENT_URI:
                return propose_document_uri(finding, self._stores)
            case FindingKind.URI:
                return propose_uri_action(finding)
            case FindingKind.ORPHAN:
                return propose_tombstone(finding, self._options, self._stores)
            case FindingKind.ABANDONED:
                return propose_upload_deletion(finding)
            case _:
                return _propose_manual_action(finding)

    def repair(self, finding: Finding, actor: str) -> bool:
        """Check again under lock, repair and record in one transaction; return whether something was repaired.

        Raises `StoreSkippedError`, `ContentError` and database errors, after which nothing was changed.
        """
        if finding.kind in _OF_OBJECTS:
            return repair_object(finding, actor, self._stores)
        match finding.kind:
            case FindingKind.COUNT:
                return repair_count(finding, actor)
            case FindingKind.MISSING_REFERENCE:
                return add_missing_reference(finding, actor)
            case FindingKind.DOCUMENT_URI:
                return set_document_uri(finding, actor, self._stores)
            case FindingKind.ORPHAN:
                return tombstone_orphan(finding, actor, self._options, self._stores)
            case FindingKind.ABANDONED:
                return delete_upload(finding, actor)
            case _:
                return False


def _propose_manual_action(finding: Finding) -> Proposal | None:
    query, action = _MANUAL[finding.kind]
    kind, key = get_referrer(finding) if finding.referrer else (None, None)
    parameters = {"object": finding.object_id, "kind": kind, "key": key, "location": finding.location}
    return propose_action(f"{finding.message} {action}") if sql.value(query, parameters) else None
