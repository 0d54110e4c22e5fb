"""Background jobs on scores: scoring, verification, and the export of the list of trials by risk."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import CharField, DecimalField, F, OuterRef, QuerySet, Subquery, Value
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from ncfd_site.adminkit.read_only import ListError
from ncfd_site.config.errors import UserError
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.exports.sources import Source, register
from ncfd_site.ingest.load_command import refuse_demonstration
from ncfd_site.ingest.records import Rejections
from ncfd_site.ingest.runs import OUTCOMES, LoadProgress
from ncfd_site.jobs.job_types import JobType, Schedule
from ncfd_site.jobs.job_types import register as register_job_type
from signals.loading import load_registry
from signals.loading.fetching import fetch_ctgov, find_cursor
from signals.models import Score
from signals.scoring.run import score_trials
from signals.scoring.verification import VerificationCounts, find_mismatches
from signals.trials.forms import TrialFilterForm
from signals.trials.runs import find_previous_run, list_latest_runs
from signals.trials.selection import select_ordered_scores

OF_TRIAL = {
    "nct_id": F("trial__nct_id"),
    "sponsor": F("trial__sponsor_text"),
    "company": F("trial__sponsor_company__name"),
    "company_cik": F("trial__sponsor_company__cik"),
    "phase": F("trial__phase"),
    "status": F("trial__status"),
    "is_pivotal": F("trial__is_pivotal"),
    "indication": F("trial__indication"),
    "readout": F("trial__est_primary_completion_date"),
}
COLUMNS = (*OF_TRIAL, "run_id", "scored_at", "p_fail", "previous_run_id", "previous_p_fail", "change")


def _select_exported_scores(query: str, actor: User) -> QuerySet[Any]:
    runs = list_latest_runs()
    form = TrialFilterForm(QueryDict(query), runs=runs)
    if not form.is_valid():
        raise ListError("Invalid filter. Return to the list and choose again.")
    selection = form.get_selection()
    rows: QuerySet[Any] = select_ordered_scores(selection, timezone.localdate()).annotate(**OF_TRIAL)
    if selection.run:
        before = find_previous_run(selection.run, runs)
        name = before.run_id if before else None
        earlier = Score.objects.filter(run_id=name, trial_id=OuterRef("trial_id")).values("p_fail")
        rows = rows.annotate(
            previous_run_id=Value(name, output_field=CharField()),
            previous_p_fail=Subquery(earlier, output_field=DecimalField(max_digits=6, decimal_places=5)),
            change=F("p_fail") - F("previous_p_fail"),
        )
    return rows


TRIALS = register(Source("trials", Score, _select_exported_scores, lambda: reverse("risk:trials"), COLUMNS))

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
    for mismatch in find_mismatches(counts, arguments.get("run_id"), reporter=reporter):
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
