"""Proposed repairs, and the record of those made."""

from dataclasses import dataclass
from typing import Any

from storage.content.backends import StorePool
from storage.models import StorageEvent
from storage.verification.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairOptions:
    """Minimum age of orphans, and the retention of their data after the tombstone."""

    min_age_minutes: int = 60
    retention_days: int = 7


@dataclass(frozen=True, slots=True)
class RepairContext:
    """The options of a repair, and the stores that it reads and writes."""

    options: RepairOptions
    stores: StorePool


@dataclass(frozen=True, slots=True)
class Proposal:
    """A repair with its old and new value, or the manual action if there is none."""

    message: str
    is_automatic: bool


def propose_repair(message: str) -> Proposal:
    """Return an automatic repair."""
    return Proposal(message, is_automatic=True)


def propose_action(message: str) -> Proposal:
    """Return a manual action."""
    return Proposal(message, is_automatic=False)


def record_repair(finding: Finding, actor: str, detail: dict[str, Any], *, action: str = "repaired") -> None:
    """Record a repair as a storage event, in the transaction that makes it."""
    StorageEvent.objects.create(
        actor=actor,
        action=action,
        object_id=finding.object_id,
        sha256=finding.sha256,
        backend_type=finding.backend_type,
        detail=detail,
        reason=finding.message,
    )
