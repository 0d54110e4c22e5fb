"""A verification run: pass after pass, starting at the checkpoint of an earlier run."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from ncfd_site.core.progress import ProgressReporter
from storage.content.backends import StorePool
from storage.verification.findings import Finding
from storage.verification.objects import create_object_passes
from storage.verification.options import Check, VerifyOptions
from storage.verification.orphans import create_orphan_passes
from storage.verification.passes import Page, Pass
from storage.verification.references import create_count_passes, create_referrer_passes
from storage.verification.summary import CheckResult, Summary


def verify(
    options: VerifyOptions,
    reporter: ProgressReporter,
    report: Callable[[Finding], None],
    stores: StorePool | None = None,
) -> Summary:
    """Run the checks and report each confirmed finding.

    Resumes at the reporter's checkpoint: earlier findings are not reported again, but counted in the summary. Raises
    `Canceled` after a page whose checkpoint is saved.
    """
    stores = stores or StorePool()
    saved = reporter.checkpoint
    summary = Summary.from_json(saved["summary"]) if "summary" in saved else _create_summary(options)
    positions: dict[str, dict[str, Any]] = {name: dict(at) for name, at in saved.get("positions", {}).items()}

    def build_checkpoint() -> dict[str, Any]:
        return {"summary": summary.as_json(), "positions": {name: dict(at) for name, at in positions.items()}}

    for one in _create_passes(options, stores):
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


def _add_page(page: Page, one: Pass, summary: Summary, stores: StorePool, report: Callable[[Finding], None]) -> None:
    result = summary.checks[one.check]
    result.checked_count += page.checked_count
    result.recent_count += page.result.recent_count
    for finding in page.result.findings:
        summary.add(one.check, finding)
        report(finding)
    for backend, count in page.result.skipped.items():
        summary.add_skipped(one.check, backend, stores.failure_reasons[backend], count)


def _create_summary(options: VerifyOptions) -> Summary:
    return Summary(
        started_at=timezone.now().isoformat(),
        sample=options.sample,
        seed=options.seed,
        checks={check.value: CheckResult() for check in options.checks},
    )


def _create_passes(options: VerifyOptions, stores: StorePool) -> list[Pass]:
    passes: dict[Check, list[Pass]] = {
        Check.COUNTS: [*create_count_passes()],
        Check.REFERRERS: [*create_referrer_passes()],
        Check.PRESENCE: [*create_object_passes(Check.PRESENCE, options, stores)],
        Check.HASHES: [*create_object_passes(Check.HASHES, options, stores)],
        Check.ORPHANS: [*create_orphan_passes(options, stores)],
    }
    return [one for check in options.checks for one in passes[check]]
