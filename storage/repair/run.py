"""One finding after the other, by its kind."""

from storage.repair import (
    content,
    counts,
    left,
    leftovers,
    owners,
)
from storage.repair.outcome import MendOptions, Outcome
from storage.verification.findings import Finding, Kind
from storage.verification.stores import Stores

_CONTENT = {Kind.MISSING, Kind.DAMAGED, Kind.SIZE, Kind.SIZE_UNTOLD}


class Mender:
    """Says what can be done about findings, and does it."""

    def __init__(self, options: MendOptions, stores: Stores) -> None:
        self._options = options
        self._stores = stores

    def look(self, finding: Finding) -> Outcome | None:
        """Look again without a lock; None where nothing is wrong any more. Raises `NotAsked`."""
        if finding.kind in _CONTENT:
            return content.look(finding, self._stores)
        match finding.kind:
            case Kind.COUNT:
                return counts.look(finding)
            case Kind.REFERENCE_MISSING:
                return owners.look_at_reference(finding)
            case Kind.DOCUMENT_ADDRESS:
                return owners.look_at_address(finding, self._stores)
            case Kind.ADDRESS:
                return content.look_at_address(finding)
            case Kind.ORPHAN:
                return leftovers.look_at_orphan(finding, self._options, self._stores)
            case Kind.ABANDONED:
                return leftovers.look_at_file(finding)
            case _:
                return left.look(finding)

    def mend(self, finding: Finding, actor: str) -> bool:
        """Look again under lock, change, and record, in one transaction; returns whether something was changed.

        Raises `NotAsked`, `ContentError` and the database's errors, and has changed nothing then.
        """
        if finding.kind in _CONTENT:
            return content.mend(finding, actor, self._stores)
        match finding.kind:
            case Kind.COUNT:
                return counts.mend(finding, actor)
            case Kind.REFERENCE_MISSING:
                return owners.add_reference(finding, actor)
            case Kind.DOCUMENT_ADDRESS:
                return owners.set_address(finding, actor, self._stores)
            case Kind.ORPHAN:
                return leftovers.bury_orphan(finding, actor, self._options, self._stores)
            case Kind.ABANDONED:
                return leftovers.delete_file(finding, actor)
            case _:
                return False
