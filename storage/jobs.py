"""Maintenance as background jobs: verification, garbage collection, moves between tiers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from operator import itemgetter
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User

from ncfd_site.core.formatting import format_quantity
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.jobs import queue
from ncfd_site.jobs.job_types import JobType, Schedule, register
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.parts import run_parts
from storage.backup import jobs as backup_jobs  # noqa: F401  (registers its job types)
from storage.content.base import ContentError
from storage.garbage_collection import GcOptions, collect_garbage, describe_gc_result
from storage.tiers import MoveOptions, describe_move_result, move_objects
from storage.verification import Finding, VerifyOptions, verify
from storage.verification.run import check_part, describe_errors

VERIFY, COLLECT, MOVE, SNAPSHOT = "storage_verify", "storage_gc", "storage_tier", "storage_snapshot"
OPERATE = "storage.operate_storageobject"
# Findings or failures in the result of a job; the commands print all of them.
MAX_LISTED = 200

Json = Mapping[str, Any]


def start_verification(only: Sequence[str], sample: float, *, actor: User) -> Job:
    """Start the named checks on `sample` percent of the objects; raises PermissionDenied."""
    return queue.start(VERIFY, {"only": list(only), "sample": sample}, actor=actor)


def start_garbage_collection(options: GcOptions, *, actor: User) -> Job:
    """Start a garbage collection, which checks its limits again before it deletes.

    Raises PermissionDenied, and JobError while another one is open.
    """
    arguments = asdict(options)
    del arguments["allow_missing_references"]
    return queue.start(COLLECT, arguments, actor=actor)


def start_move(options: MoveOptions, *, actor: User) -> Job:
    """Start a move between tiers; raises PermissionDenied, and JobError while another one is open."""
    arguments = asdict(options)
    del arguments["retention_minutes"]
    return queue.start(MOVE, arguments, actor=actor)


class _FindingsReporter:
    """A progress reporter that saves the findings with each checkpoint, for a run that is resumed."""

    def __init__(self, reporter: ProgressReporter) -> None:
        self._reporter = reporter
        self.actor = reporter.actor
        self.checkpoint: Mapping[str, Any] = reporter.checkpoint.get("run", {})
        self.findings: list[dict[str, Any]] = list(reporter.checkpoint.get("findings", []))

    def add(self, finding: Finding) -> None:
        if len(self.findings) < MAX_LISTED:
            self.findings.append(finding.as_json())

    def begin(self, step: str, total: int | None, unit: str) -> None:
        self._reporter.begin(step, total, unit)

    def advance(self, count: int = 1, *, checkpoint: Mapping[str, Any] | None = None, note: str = "") -> None:
        saved = None if checkpoint is None else {"run": checkpoint, "findings": list(self.findings)}
        self._reporter.advance(count, checkpoint=saved, note=note)


def _run_verification(arguments: Json, reporter: ProgressReporter) -> Json:
    options = VerifyOptions.from_json({"checks": arguments["only"], "sample": arguments["sample"] / 100})
    with_findings = _FindingsReporter(reporter)
    summary = verify(options, with_findings, with_findings.add, spread=partial(run_parts, reporter))
    message = describe_errors(summary) or "No errors found."
    return {"message": message, "summary": summary.as_json(), "findings": with_findings.findings}


def _run_garbage_collection(arguments: Json, reporter: ProgressReporter) -> Json:
    options = GcOptions(**arguments)
    result = collect_garbage(options, reporter)
    return {"message": describe_gc_result(result, options.retention_minutes), **asdict(result)}


def _run_move(arguments: Json, reporter: ProgressReporter) -> Json:
    options = MoveOptions(**arguments)
    result = move_objects(options, reporter)
    listed = dict(list(result.failures.items())[:MAX_LISTED])
    return {
        "message": describe_move_result(result, options),
        **asdict(result),
        "failures": listed,
        "failure_count": len(result.failures),
    }


def _describe_verification(arguments: Json) -> str:
    sample = f", {arguments['sample']:g} % of the objects" if arguments["sample"] < 100 else ""
    return f"{', '.join(arguments['only'])}{sample}"


def _describe_garbage_collection(arguments: Json) -> str:
    unused = format_quantity(arguments["grace_days"], "day")
    retention = format_quantity(arguments["retention_minutes"], "minute")
    return f"unused for {unused}, retention {retention}, at most {arguments['max_delete_percent']:g} % of all objects"


def _describe_move(arguments: Json) -> str:
    text = f"to {arguments['to']}"
    if arguments.get("older_than_days") is not None:
        text += f", unused for {format_quantity(arguments['older_than_days'], 'day')}"
    if arguments.get("larger_than") is not None:
        text += f", larger than {arguments['larger_than']:,} bytes"
    if arguments.get("limit") is not None:
        text += f", at most {format_quantity(arguments['limit'], 'object')}"
    return text


GC_ARGUMENTS = {name: value for name, value in asdict(GcOptions()).items() if name != "allow_missing_references"}
SCHEDULES = {
    VERIFY: (
        Schedule("verify-counts", "15 3 * * *", {"only": ["counts", "referrers", "presence"], "sample": 100}),
        Schedule("verify-hashes", "30 4 * * 0", {"only": ["hashes", "orphans"], "sample": 100}),
    ),
    COLLECT: (Schedule("collect-garbage", "45 2 * * *", GC_ARGUMENTS),),
}

for name, title, run, describe, template in (
    (VERIFY, "Verify content", _run_verification, _describe_verification, "verification"),
    (COLLECT, "Collect garbage", _run_garbage_collection, _describe_garbage_collection, "garbage_collection"),
    (MOVE, "Move content", _run_move, _describe_move, "move"),
):
    register(
        JobType(
            name=name,
            title=title,
            permission=OPERATE,
            run=run,
            describe=describe,
            conclude=itemgetter("message"),
            result_template=f"storage/jobs/{template}.html",
            exclusive=name != VERIFY,
            errors=(ContentError,),
            schedules=SCHEDULES.get(name, ()),
            run_part=check_part if name == VERIFY else None,
        )
    )


def _run_snapshot(arguments: Json, reporter: ProgressReporter) -> Json:
    # Importing Arrow takes 0.2 seconds, and most processes export no snapshot.
    from storage.snapshots import describe_snapshot, export_snapshot

    to = arguments.get("to") or settings.SNAPSHOT_TO
    snapshot = export_snapshot(to, reporter)
    return {"message": describe_snapshot(snapshot, to), "folder": snapshot.moment.folder}


register(
    JobType(
        name=SNAPSHOT,
        title="Export a snapshot",
        permission=OPERATE,
        run=_run_snapshot,
        describe=lambda arguments: f"to {arguments.get('to') or 'SNAPSHOT_TO'}",
        conclude=itemgetter("message"),
        exclusive=True,
        schedules=(Schedule("export-snapshot", "0 4 1 * *"),),
    )
)
