"""Proposals and repairs by kind of finding, and sessions that make many of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import Error

from ncfd_site.core import sql
from ncfd_site.core.progress import ProgressReporter
from storage.content.backends import StorePool, StoreSkippedError
from storage.content.base import ContentError
from storage.repair.data import (
    delete_upload,
    propose_object_repair,
    propose_tombstone,
    propose_upload_deletion,
    propose_uri_action,
    repair_object,
    tombstone_orphan,
)
from storage.repair.proposals import Proposal, RepairContext, RepairOptions, propose_action
from storage.repair.references import (
    add_missing_reference,
    propose_count_repair,
    propose_document_uri,
    propose_reference,
    repair_count,
    set_document_uri,
)
from storage.verification import VerifyOptions, verify
from storage.verification.findings import Finding, FindingKind, get_referrer
from storage.verification.findings_io import FindingsBuffer

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


Propose = Callable[[Finding, RepairContext], Proposal | None]
Repair = Callable[[Finding, RepairContext, str], bool]


def _propose_manual_action(finding: Finding, _: RepairContext) -> Proposal | None:
    query, action = _MANUAL[finding.kind]
    kind, key = get_referrer(finding) if finding.referrer else (None, None)
    parameters = {"object": finding.object_id, "kind": kind, "key": key, "location": finding.location}
    return propose_action(f"{finding.message} {action}") if sql.value(query, parameters) else None


_OF_OBJECTS = (FindingKind.MISSING, FindingKind.CORRUPT, FindingKind.SIZE, FindingKind.UNKNOWN_SIZE)
_PROPOSALS: dict[FindingKind, Propose] = {
    **dict.fromkeys(_OF_OBJECTS, propose_object_repair),
    FindingKind.COUNT: propose_count_repair,
    FindingKind.MISSING_REFERENCE: propose_reference,
    FindingKind.DOCUMENT_URI: propose_document_uri,
    FindingKind.URI: propose_uri_action,
    FindingKind.ORPHAN: propose_tombstone,
    FindingKind.ABANDONED: propose_upload_deletion,
    **dict.fromkeys(_MANUAL, _propose_manual_action),
}
_REPAIRS: dict[FindingKind, Repair] = {
    **dict.fromkeys(_OF_OBJECTS, repair_object),
    FindingKind.COUNT: repair_count,
    FindingKind.MISSING_REFERENCE: add_missing_reference,
    FindingKind.DOCUMENT_URI: set_document_uri,
    FindingKind.ORPHAN: tombstone_orphan,
    FindingKind.ABANDONED: delete_upload,
}


class Repairer:
    """Proposes and makes the repair of a finding."""

    def __init__(self, options: RepairOptions, stores: StorePool) -> None:
        self._context = RepairContext(options, stores)

    def propose(self, finding: Finding) -> Proposal | None:
        """Check a finding again without locks; return None if it is resolved. Raises `StoreSkippedError`."""
        return _PROPOSALS[finding.kind](finding, self._context)

    def repair(self, finding: Finding, actor: str) -> bool:
        """Check again under lock, repair and record in one transaction; return whether something was repaired.

        Raises `StoreSkippedError`, `ContentError` and database errors, after which nothing was changed.
        """
        repair = _REPAIRS.get(finding.kind)
        return repair is not None and repair(finding, self._context, actor)


@dataclass(slots=True)
class RepairCounts:
    """Numbers of proposed repairs, of repairs made, of manual actions, and of findings skipped."""

    proposed: int = 0
    repaired: int = 0
    manual: int = 0
    skipped: int = 0
    is_complete: bool = True


class RepairSession:
    """Findings and repairs in temporary files, since there may be many; `print_line` receives one line for each."""

    def __init__(
        self, options: RepairOptions, print_line: Callable[[str], object], stores: StorePool | None = None
    ) -> None:
        self.counts = RepairCounts()
        self.stores = stores or StorePool()
        self._repairer = Repairer(options, self.stores)
        self._print_line = print_line
        self._findings = FindingsBuffer()
        self._repairable = FindingsBuffer()

    def close(self) -> None:
        """Delete the files."""
        self._findings.close()
        self._repairable.close()

    def verify(self, options: VerifyOptions, reporter: ProgressReporter) -> None:
        """Collect the findings of a verification."""
        self.counts.is_complete = verify(options, reporter, self._findings.add, self.stores).is_complete

    def add_findings(self, findings: Iterable[Finding]) -> None:
        """Collect findings of an earlier verification."""
        for finding in findings:
            self._findings.add(finding)

    def propose(self, reporter: ProgressReporter) -> None:
        """Check each finding again, and print its repair or manual action."""
        printed: set[int] = set()
        reporter.begin("Rechecking", len(self._findings), "findings")
        for finding in self._findings:
            try:
                proposal = self._repairer.propose(finding)
            except StoreSkippedError:
                self.counts.skipped += 1
                proposal = None
            # One repair may resolve several findings about an object.
            if proposal is not None and hash(proposal.message) not in printed:
                printed.add(hash(proposal.message))
                self._print_line(f"{'repair' if proposal.is_automatic else 'manual'}: {proposal.message}")
                if proposal.is_automatic:
                    self._repairable.add(finding)
                    self.counts.proposed += 1
                else:
                    self.counts.manual += 1
            reporter.advance(1)

    def repair(self, reporter: ProgressReporter) -> None:
        """Make the proposed repairs, each in its own transaction; raises `Canceled` between two."""
        reporter.begin("Repairing", len(self._repairable), "repairs")
        for finding in self._repairable:
            try:
                self.counts.repaired += self._repairer.repair(finding, reporter.actor)
            except StoreSkippedError:
                self.counts.skipped += 1
            except (ContentError, Error) as error:
                self.counts.manual += 1
                reason = str(error).partition("\n")[0].rstrip(".")
                self._print_line(f"manual: {finding.message} The repair failed: {reason}.")
            reporter.advance(1)
