"""What a run looked at and how much it found."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from storage.verification.findings import Check, Finding


@dataclass(slots=True)
class Checked:
    """One check: what it looked at, found wrong, and only noted.

    `young` is what may be somebody's who is not finished yet: references that came before their owner, bytes that came
    before their row. `unchecked` is what lies in a store that cannot be asked.
    """

    looked_at: int = 0
    findings: int = 0
    notes: int = 0
    young: int = 0
    unchecked: int = 0


@dataclass(slots=True)
class Unavailable:
    """A store that could not be asked: why, as a sentence, and how many rows of each check that left unchecked."""

    reason: str
    unchecked: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Summary:
    """A run: times in ISO 8601, the share of rows whose bytes were looked at, results by check and by kind."""

    started_at: str
    sample: float
    seed: int
    checks: dict[str, Checked]
    kinds: dict[str, int] = field(default_factory=dict)
    unavailable: dict[str, Unavailable] = field(default_factory=dict)
    ended_at: str | None = None

    @property
    def findings(self) -> int:
        """How many things are wrong."""
        return sum(checked.findings for checked in self.checks.values())

    @property
    def is_complete(self) -> bool:
        """Whether everything could be looked at."""
        return not self.unavailable

    def add(self, check: Check, finding: Finding) -> None:
        """Count a finding."""
        if finding.kind.is_note:
            self.checks[check].notes += 1
        else:
            self.checks[check].findings += 1
        self.kinds[finding.kind] = self.kinds.get(finding.kind, 0) + 1

    def miss(self, check: Check, backend: str, reason: str, rows: int) -> None:
        """Count what could not be looked at."""
        missed = self.unavailable.setdefault(backend, Unavailable(reason))
        missed.unchecked[check] = missed.unchecked.get(check, 0) + rows
        self.checks[check].unchecked += rows

    def as_json(self) -> dict[str, Any]:
        """The summary as a job or a state file keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Summary":
        """The summary that was kept so."""
        return cls(
            **{
                **kept,
                "checks": {name: Checked(**checked) for name, checked in kept["checks"].items()},
                "unavailable": {name: Unavailable(**missed) for name, missed in kept["unavailable"].items()},
            }
        )
