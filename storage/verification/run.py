"""A verification run: pass after pass, starting at the checkpoint of an earlier run, and its result in numbers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

from django.utils import timezone

from ncfd_site.core.formatting import format_quantity
from ncfd_site.core.progress import ProgressReporter
from storage.content.backends import StorePool
from storage.verification.findings import Finding
from storage.verification.objects import create_object_pass
from storage.verification.options import Check, VerifyOptions
from storage.verification.orphans import create_orphan_passes
from storage.verification.passes import Page, Pass
from storage.verification.references import create_count_pass, create_referrer_passes

# Gets parts; returns parts, perhaps of an earlier run, with the results of `check_part`.
Spread = Callable[[Sequence[Mapping[str, Any]]], Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]]

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

    @classmethod
    def start(cls, options: VerifyOptions) -> "Summary":
        """Return the summary of a run that starts now."""
        checks = {check.value: CheckResult() for check in options.checks}
        return cls(timezone.now().isoformat(), options.sample, options.seed, checks)

    @property
    def error_count(self) -> int:
        """The number of errors."""
        return sum(result.error_count for result in self.checks.values())

    @property
    def is_complete(self) -> bool:
        """True if nothing was skipped."""
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


def verify(
    options: VerifyOptions,
    reporter: ProgressReporter,
    report: Callable[[Finding], None],
    stores: StorePool | None = None,
    spread: Spread | None = None,
) -> Summary:
    """Run the checks and report each confirmed finding.

    Resumes at the reporter's checkpoint: earlier findings are not reported again, but counted in the summary. Raises
    `Canceled` after a page whose checkpoint is saved. Pages that `spread` checks come before all others.
    """
    stores = stores or StorePool()
    saved = reporter.checkpoint
    summary = Summary.from_json(saved["summary"]) if "summary" in saved else Summary.start(options)
    positions: dict[str, dict[str, Any]] = {name: dict(at) for name, at in saved.get("positions", {}).items()}

    def build_checkpoint() -> dict[str, Any]:
        return {"summary": summary.as_json(), "positions": {name: dict(at) for name, at in positions.items()}}

    passes = _create_passes(options, stores)
    if spread:
        # Orphans last, as in a run without parts.
        by_name = {one.name: one for one in passes if one.name not in positions and one.check != Check.ORPHANS}
        given = {"options": options.as_json(), "run": summary.started_at}
        parts = [
            {**given, "pass": one.name, "check": one.check, "after": after, "until": until}
            for one in by_name.values()
            for after, until in pairwise([None, *one.split()])
        ]
        reporter.begin("Checking rows and objects", len(parts), "pages")
        for part, checked in spread(parts):
            stores.failure_reasons.update(checked["failure_reasons"])
            for page in checked["pages"]:
                _add_page(Page.from_json(page), by_name[part["pass"]], summary, stores, report)
            positions[part["pass"]] = {"after": part["until"], "steps": 0, "is_finished": True}
        reporter.advance(0, checkpoint=build_checkpoint())
    for one in passes:
        position = positions.setdefault(one.name, {"after": None, "steps": 0, "is_finished": False})
        if position["is_finished"]:
            continue
        reporter.begin(one.step, one.count(), one.unit)
        if position["steps"]:
            reporter.advance(position["steps"])
        while page := one.check_page(position["after"]):
            _add_page(page, one, summary, stores, report)
            position |= {"after": page.last, "steps": position["steps"] + page.steps}
            reporter.advance(page.steps, checkpoint=build_checkpoint())
        position["is_finished"] = True
        reporter.advance(0, checkpoint=build_checkpoint())
    summary.finished_at = timezone.now().isoformat()
    return summary


def check_part(part: Mapping[str, Any]) -> dict[str, Any]:
    """Check a part that `verify` made; part and result are JSON."""
    options, stores = VerifyOptions.from_json(part["options"]), _get_stores(part["run"])
    one = next(one for one in _create_passes(options, stores, [Check(part["check"])]) if one.name == part["pass"])
    pages, after = [], part["after"]
    while page := one.check_page(after, part["until"]):
        pages.append(page.as_json())
        after = page.last
    return {"pages": pages, "failure_reasons": stores.failure_reasons}


@lru_cache(maxsize=1)
def _get_stores(run: str) -> StorePool:
    """Return the stores of a run: its parts in this process skip a store that was unavailable."""
    return StorePool()


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


def _add_page(page: Page, one: Pass, summary: Summary, stores: StorePool, report: Callable[[Finding], None]) -> None:
    result = summary.checks[one.check]
    result.checked_count += page.checked_count
    result.recent_count += page.result.recent_count
    for finding in page.result.findings:
        summary.add(one.check, finding)
        report(finding)
    for backend, count in page.result.skipped.items():
        summary.add_skipped(one.check, backend, stores.failure_reasons[backend], count)


def _create_passes(options: VerifyOptions, stores: StorePool, checks: Sequence[Check] = ()) -> list[Pass]:
    creators: dict[Check, Callable[[], Sequence[Pass]]] = {
        Check.COUNTS: lambda: [create_count_pass()],
        Check.REFERRERS: create_referrer_passes,
        Check.PRESENCE: lambda: [create_object_pass(Check.PRESENCE, options, stores)],
        Check.HASHES: lambda: [create_object_pass(Check.HASHES, options, stores)],
        Check.ORPHANS: lambda: create_orphan_passes(options, stores),
    }
    return [one for check in checks or options.checks for one in creators[check]()]
