"""Tiles of failures: incomplete imports and failed jobs, and validation errors."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.core.formatting import format_capped_count
from ncfd_site.dashboard.tile import COUNT_LIMIT, Figure, Line, Query, Rows, Source, Tile, figure_status, register
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.presentation import job_title
from signals.validation_errors.queries import KIND_NAMES

RUNS, JOBS, ERRORS = "signals.view_ingestrun", "jobs.view_job", "signals.view_stagingerror"
DAYS = 30
SHOWN = 3
# A younger run may still be running.
UNFINISHED = f"""
SELECT r.run_id, r.source, r.started_at,
    EXISTS (SELECT FROM ingest_runs l WHERE l.source = r.source AND l.run_id > r.run_id AND l.finished_at IS NOT NULL)
        AS is_superseded
FROM (SELECT * FROM ingest_runs ORDER BY run_id DESC LIMIT 1000) r
WHERE r.finished_at IS NULL AND r.started_at BETWEEN now() - interval '{DAYS} days' AND now() - interval '1 hour'
ORDER BY r.run_id DESC
"""  # noqa: S608
FAILED = f"""
SELECT j.job_id, j.kind, j.error, j.finished_at
FROM (SELECT * FROM site_jobs ORDER BY job_id DESC LIMIT 1000) j
WHERE j.state = 'failed' AND j.finished_at > now() - interval '{DAYS} days' ORDER BY j.job_id DESC
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An unfinished run of a loader; a later run of the source may have superseded it."""

    run_id: int
    source: str
    started_at: datetime
    is_superseded: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """A failed job."""

    job_id: int
    kind: str
    error: str | None
    finished_at: datetime


def build_failures_tile(found: Rows, user: User) -> Tile:
    """Return incomplete imports and failed jobs of the last 30 days."""
    figures, lines = [], []
    if user.has_perm(RUNS):
        runs = found["unfinished"]
        open_runs = [run for run in runs if not run.is_superseded]
        address = f"{reverse('admin:signals_ingestrun_changelist')}" if user.is_staff else ""
        figures.append(Figure(str(len(open_runs)), "incomplete imports", address, figure_status(bool(open_runs))))
        lines += [
            Line(
                f"{run.source}, run {run.run_id}",
                reverse("admin:signals_ingestrun_change", args=[run.run_id]) if user.is_staff else "",
                "superseded by a later run" if run.is_superseded else "did not finish",
                at=run.started_at,
            )
            for run in runs[:SHOWN]
        ]
    if user.has_perm(JOBS):
        jobs = found["failed"]
        figures.append(
            Figure(str(len(jobs)), "failed jobs", f"{reverse('jobs:jobs')}?state=failed", figure_status(bool(jobs)))
        )
        lines += [
            Line(
                job_title(Job(kind=job.kind)),
                reverse("jobs:job", args=[job.job_id]),
                (job.error or "no reason recorded")[:160],
                at=job.finished_at,
            )
            for job in jobs[:SHOWN]
        ]
    return Tile(tuple(figures), tuple(lines), "No failures.", scope=f"the last {DAYS} days")


register(
    Source(
        "loads",
        "Failed imports and jobs",
        (RUNS, JOBS),
        {"unfinished": Query(UNFINISHED, Unfinished, RUNS), "failed": Query(FAILED, Failed, JOBS)},
        build_failures_tile,
        "jobs:jobs",
        position=60,
        workers=("storage.operate_storageobject",),
    )
)


ERRORS_BY_KIND = f"""
SELECT k.value AS kind, (
    SELECT count(*) FROM (SELECT FROM staging_errors e WHERE e.error_type = k.value LIMIT {COUNT_LIMIT + 1}) few
) AS errors
FROM ({KIND_NAMES}) k
"""  # noqa: S608
NEWEST_ERRORS = """
SELECT e.id, e.study_id, t.nct_id, e.error_message, e.created_at
FROM (SELECT * FROM staging_errors ORDER BY id DESC LIMIT 3) e LEFT JOIN trials t USING (trial_id) ORDER BY e.id DESC
"""


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """Number of errors of a type."""

    kind: str
    errors: int


@dataclass(frozen=True, slots=True)
class NewestError:
    """A validation error."""

    id: int
    study_id: int | None
    nct_id: str | None
    error_message: str
    created_at: datetime


def build_errors_tile(found: Rows, user: User) -> Tile:
    """Return the number of errors of each type and the latest errors."""
    address = reverse("errors")
    figures = tuple(
        Figure(
            format_capped_count(kind.errors, COUNT_LIMIT),
            kind.kind.replace("_", " "),
            f"{address}?{urlencode({'kind': kind.kind})}",
        )
        for kind in found["kinds"]
    ) or (Figure("0", "errors", address),)
    lines = tuple(
        Line(
            error.nct_id or (f"Study {error.study_id}" if error.study_id else f"Error {error.id}"),
            f"{address}?{urlencode({'study': error.study_id})}" if error.study_id else address,
            error.error_message.removeprefix("PivotalStudyMissingFields: ")[:160],
            at=error.created_at,
        )
        for error in found["newest"]
    )
    return Tile(figures, lines, "No validation errors.")


register(
    Source(
        "errors",
        "Validation errors",
        (ERRORS,),
        {"kinds": Query(ERRORS_BY_KIND, ErrorKind), "newest": Query(NEWEST_ERRORS, NewestError)},
        build_errors_tile,
        "errors",
        position=50,
    )
)
