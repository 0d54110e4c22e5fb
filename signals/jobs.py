"""Background jobs on scores: scoring, verification, and the export of the list of trials by risk."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from ncfd_site.config.errors import UserError
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.exports.sources import Source, register
from ncfd_site.ingest.load_command import refuse_demonstration
from ncfd_site.ingest.records import Rejections
from ncfd_site.ingest.runs import OUTCOMES, LoadProgress
from ncfd_site.jobs.job_types import JobType, Schedule
from ncfd_site.jobs.job_types import register as register_job_type
from ncfd_site.jobs.parts import run_parts
from signals.loading import load_registry
from signals.loading.fetching import fetch_ctgov, find_cursor
from signals.models import Score
from signals.scoring.run import score_trials
from signals.scoring.verification import VerificationCounts, find_mismatches, verify_part
from signals.trials.exports import select_exported_scores

TRIALS = register(Source("trials", Score, select_exported_scores, lambda: reverse("risk:trials")))

Json = Mapping[str, Any]
OPERATE = "storage.operate_storageobject"
SHOWN = 20


class MismatchError(UserError):
    """Stored scores or gates are not the expected ones."""


def _score(arguments: Json, reporter: ProgressReporter) -> Json:
    # One run a day: a second one on the same day overwrites scores that have changed.
    run_id = f"{arguments.get('prefix', 'daily')}-{datetime.now(UTC).date()}"
    summary = score_trials(run_id, replace=True, reporter=reporter)
    return {"run_id": run_id, "trials": summary.trials, "written": summary.written, "gates": summary.gates}


def _verify(arguments: Json, reporter: ProgressReporter) -> Json:
    counts, found, mismatch_count = VerificationCounts(), list[str](), 0

    def spread(parts: Sequence[Json], snapshot: str) -> Iterator[Json]:
        return (result for _, result in run_parts(reporter, parts, snapshot=snapshot))

    for mismatch in find_mismatches(counts, arguments.get("run_id"), spread=spread, reporter=reporter):
        mismatch_count += 1
        found += [mismatch.sentence] * (len(found) < SHOWN)
    if mismatch_count:
        raise MismatchError(f"{mismatch_count:,} mismatches: {' '.join(found)} manage.py verify_scores lists all.")
    return asdict(counts)


register_job_type(
    JobType(
        name="score_trials",
        title="Score all trials",
        permission=OPERATE,
        run=_score,
        describe=lambda arguments: f"as run {arguments.get('prefix', 'daily')}-DATE",
        conclude=lambda result: (
            f"Run {result['run_id']}: {result['trials']:,} trials, {result['written']:,} scores written."
        ),
        exclusive=True,
        schedules=(Schedule("score-trials", "0 2 * * *"),),
    )
)
register_job_type(
    JobType(
        name="verify_scores",
        title="Verify scores and gates",
        permission=OPERATE,
        run=_verify,
        describe=lambda arguments: f"of run {arguments['run_id']}" if arguments.get("run_id") else "of all runs",
        conclude=lambda result: f"Verified {result['scores']:,} scores and {result['gates']:,} gates. No mismatches.",
        run_part=verify_part,
        schedules=(Schedule("verify-scores", "0 5 * * 0"),),
    )
)


def _fetch(arguments: Json, reporter: ProgressReporter) -> Json:
    refuse_demonstration()
    pages = fetch_ctgov(settings.NCFD_HOME / "fetched", reporter, since=find_cursor())
    rejections = Rejections()
    summary = load_registry(pages, rejections, LoadProgress(pages, reporter), use_file_dates=True)
    trials = {outcome: summary.count("trials", outcome) for outcome in OUTCOMES}
    return {**trials, "rejections": list(rejections.lines()), "folder": str(pages[0].parent)}


register_job_type(
    JobType(
        name="fetch_ctgov",
        title="Fetch ClinicalTrials.gov",
        permission=OPERATE,
        run=_fetch,
        describe=lambda arguments: "updates since the latest day that was loaded",
        conclude=lambda result: (
            f"{result['added']:,} trials added, {result['changed']:,} changed, {result['unchanged']:,} unchanged,"
            f" {result['rejected']:,} rejected."
        ),
        exclusive=True,
        schedules=(Schedule("fetch-ctgov", "30 1 * * *"),),
    )
)
