"""The result of a verification in numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ncfd_site.core.formatting import format_quantity
from storage.verification.findings import Finding
from storage.verification.options import Check

_COLUMNS = ("checked", "errors", "notes", "too recent", "skipped")


@dataclass(slots=True)
class CheckResult:
    """Numbers of one check.

    Too recent are references made before their referrer and objects stored before their row. Skipped are objects in
    an unavailable store.
    """

    checked_count: int = 0
    error_count: int = 0
    note_count: int = 0
    recent_count: int = 0
    skipped_count: int = 0


@dataclass(slots=True)
class UnavailableStore:
    """Why a store was unavailable, and how many objects each check skipped."""

    reason: str
    skipped_counts: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Summary:
    """A run: times in ISO 8601, the fraction of objects checked, results by check, findings by kind."""

    started_at: str
    sample: float
    seed: int
    checks: dict[str, CheckResult]
    finding_counts: dict[str, int] = field(default_factory=dict)
    unavailable: dict[str, UnavailableStore] = field(default_factory=dict)
    finished_at: str | None = None

    @property
    def error_count(self) -> int:
        """Return the number of errors."""
        return sum(result.error_count for result in self.checks.values())

    @property
    def is_complete(self) -> bool:
        """Return whether nothing was skipped."""
        return not self.unavailable

    def add(self, check: Check, finding: Finding) -> None:
        """Count a finding."""
        if finding.kind.is_note:
            self.checks[check].note_count += 1
        else:
            self.checks[check].error_count += 1
        self.finding_counts[finding.kind] = self.finding_counts.get(finding.kind, 0) + 1

    def add_skipped(self, check: Check, backend: str, reason: str, count: int) -> None:
        """Count skipped objects."""
        store = self.unavailable.setdefault(backend, UnavailableStore(reason))
        store.skipped_counts[check] = store.skipped_counts.get(check, 0) + count
        self.checks[check].skipped_count += count

    def as_json(self) -> dict[str, Any]:
        """Return the summary as stored by jobs and state files."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Summary":
        """Return a stored summary."""
        return cls(
            **{
                **stored,
                "checks": {name: CheckResult(**result) for name, result in stored["checks"].items()},
                "unavailable": {name: UnavailableStore(**store) for name, store in stored["unavailable"].items()},
            }
        )


def format_summary(summary: Summary) -> Iterator[str]:
    """Yield a table of the checks, then a line for each unavailable store."""
    yield f"{'':10}" + "".join(f"{column:>12}" for column in _COLUMNS)
    for name, result in summary.checks.items():
        yield f"{name:10}" + "".join(f"{number:>12,}" for number in asdict(result).values())
    if summary.sample < 1:
        yield f"Presence and hashes: {summary.sample:.3%} of all objects, seed {summary.seed}."
    for backend, store in summary.unavailable.items():
        counts = {name: count for name, count in store.skipped_counts.items() if count}
        skipped = [f"{name} of {format_quantity(count, 'object')}" for name, count in counts.items()]
        skipped += [f"listing of {backend}"] if Check.ORPHANS in store.skipped_counts else []
        yield f"{store.reason} Skipped: {', '.join(skipped)}."


def describe_errors(summary: Summary) -> str:
    """Return the result as a sentence; empty if everything was checked and is right."""
    if summary.error_count:
        kinds = ", ".join(f"{kind}: {count:,}" for kind, count in sorted(summary.finding_counts.items()))
        errors = format_quantity(summary.error_count, "error")
        skipped = "" if summary.is_complete else " Some checks were skipped."
        return f"{errors} ({kinds}). Run storage_repair to list the repairs.{skipped}"
    return "" if summary.is_complete else "No errors found, but some checks were skipped."
