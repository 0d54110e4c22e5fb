"""Loads that did not finish, and jobs that failed."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.dashboard.tile import Figure, Found, Line, Part, Source, Tile, mark, register
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.presentation import job_title

RUNS, JOBS = "signals.view_ingestrun", "jobs.view_job"
DAYS = 30
SHOWN = 3
# A run that is younger than an hour may still be running.
UNFINISHED = f"""
SELECT r.run_id, r.source, r.started_at,
    EXISTS (SELECT FROM ingest_runs l WHERE l.source = r.source AND l.run_id > r.run_id AND l.finished_at IS NOT NULL)
        AS made_good
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
    """A run of a loader that has no end; a later one of the same source may have made it good."""

    run_id: int
    source: str
    started_at: datetime
    made_good: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """A job that failed."""

    job_id: int
    kind: str
    error: str | None
    finished_at: datetime


def build(found: Found, user: User) -> Tile:
    """Say how many there are of the last days, and name the newest."""
    figures, lines = [], []
    if user.has_perm(RUNS):
        runs = found["unfinished"]
        open_runs = [run for run in runs if not run.made_good]
        address = f"{reverse('admin:signals_ingestrun_changelist')}" if user.is_staff else ""
        figures.append(Figure(str(len(open_runs)), "loads without an end", address, mark(bool(open_runs))))
        lines += [
            Line(
                f"{run.source}, run {run.run_id}",
                reverse("admin:signals_ingestrun_change", args=[run.run_id]) if user.is_staff else "",
                "a later run made it good" if run.made_good else "began, and did not end",
                at=run.started_at,
            )
            for run in runs[:SHOWN]
        ]
    if user.has_perm(JOBS):
        jobs = found["failed"]
        figures.append(
            Figure(str(len(jobs)), "jobs that failed", f"{reverse('jobs:jobs')}?state=failed", mark(bool(jobs)))
        )
        lines += [
            Line(
                job_title(Job(kind=job.kind)),
                reverse("jobs:job", args=[job.job_id]),
                (job.error or "no reason is recorded")[:160],
                at=job.finished_at,
            )
            for job in jobs[:SHOWN]
        ]
    return Tile(tuple(figures), tuple(lines), "Everything ended well.", of_what=f"the last {DAYS} days")


SOURCE = register(
    Source(
        "loads",
        "Failed loads and jobs",
        (RUNS, JOBS),
        {"unfinished": Part(UNFINISHED, Unfinished, RUNS), "failed": Part(FAILED, Failed, JOBS)},
        build,
        "jobs:jobs",
        position=60,
    )
)
