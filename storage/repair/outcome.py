"""What can be done about a finding."""

from dataclasses import dataclass
from typing import Any

from storage.models import StorageEvent
from storage.verification.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class MendOptions:
    """Bytes without a row may be `young_minutes` old before they count; they are kept for `keep_days` more."""

    young_minutes: int = 60
    keep_days: int = 7


@dataclass(frozen=True, slots=True)
class Outcome:
    """What would be done, as a sentence: what was, what will be. Or, where nothing can be, what a person can do."""

    line: str
    is_mendable: bool


def would(line: str) -> Outcome:
    """This can be mended."""
    return Outcome(line, is_mendable=True)


def advice(line: str) -> Outcome:
    """This is left to people."""
    return Outcome(line, is_mendable=False)


def record(finding: Finding, actor: str, detail: dict[str, Any], *, action: str = "repaired") -> None:
    """Write into the record what was done, in the transaction that does it."""
    StorageEvent.objects.create(
        actor=actor,
        action=action,
        object_id=finding.object_id,
        sha256=finding.sha256,
        backend_type=finding.backend_type,
        detail=detail,
        reason=finding.sentence,
    )
