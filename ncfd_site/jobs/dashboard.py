"""The home tile of active jobs."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.dashboard.tile import Figure, Line, Query, Rows, Source, Tile, register
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.presentation import job_title, progress_text, state_label

VIEW = "jobs.view_job"
SHOWN = 5
OPEN = """
SELECT job_id, kind, state, requested_by, requested_at, started_at, lease_until, step, done, total, unit,
    canceled_by, canceled_at, count(*) FILTER (WHERE state = 'running') OVER () AS running, count(*) OVER () AS open
FROM site_jobs WHERE state IN ('queued', 'running') ORDER BY job_id LIMIT 1000
"""


@dataclass(frozen=True, slots=True)
class OpenJob:
    """An open job, with the counts of all open jobs."""

    job_id: int
    kind: str
    state: str
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    lease_until: datetime | None
    step: str
    done: int
    total: int | None
    unit: str
    canceled_by: str | None
    canceled_at: datetime | None
    running: int
    open: int


def build_jobs_tile(found: Rows, user: User) -> Tile:
    """Return the counts of jobs, and the progress of the first open ones."""
    jobs = found["jobs"]
    running, opened = (jobs[0].running, jobs[0].open) if jobs else (0, 0)
    address = f"{reverse('jobs:jobs')}?state="
    figures = (
        Figure(f"{running:,}", "running", f"{address}running"),
        Figure(f"{opened - running:,}", "queued", f"{address}queued"),
    )
    return Tile(figures, tuple(_build_job_line(one) for one in jobs[:SHOWN]), "No active jobs.")


def _build_job_line(one: OpenJob) -> Line:
    job = Job(**{name: value for name, value in asdict(one).items() if name not in ("running", "open")})
    label = state_label(job)
    return Line(
        job_title(job),
        reverse("jobs:job", args=[one.job_id]),
        f"by {one.requested_by}; {progress_text(job)}".rstrip("; "),
        f"{label.sign} {label.word}",
        one.started_at or one.requested_at,
    )


SOURCE = register(
    Source(
        "running",
        "Active jobs",
        (VIEW,),
        {"jobs": Query(OPEN, OpenJob)},
        build_jobs_tile,
        "jobs:jobs",
        position=70,
    )
)
