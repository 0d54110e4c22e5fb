"""The home tile of active jobs."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.urls import reverse

from ncfd_site.core.charts.series import SeriesItem
from ncfd_site.core.formatting import format_duration
from ncfd_site.dashboard.activity import Period, register_series
from ncfd_site.dashboard.tile import Figure, Line, Query, Rows, Source, Tile, register
from ncfd_site.jobs.engine import LOST_AFTER
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.presentation import job_title, progress_text, state_label

VIEW = "jobs.view_job"
SHOWN = 5
OPEN = f"""
SELECT j.job_id, j.kind, j.state, j.requested_by, j.requested_at, j.started_at, w.id IS NOT NULL AS is_held, j.step,
    j.done, j.total, j.unit, j.canceled_by, j.canceled_at,
    count(*) FILTER (WHERE state = 'running') OVER () AS running, count(*) OVER () AS open
FROM site_jobs j LEFT JOIN procrastinate_jobs t ON t.id = j.task_id AND t.status = 'doing'
LEFT JOIN procrastinate_workers w
    ON w.id = t.worker_id AND w.last_heartbeat > now() - make_interval(secs => {LOST_AFTER})
WHERE j.state IN ('queued', 'running') ORDER BY j.job_id LIMIT 1000
"""  # noqa: S608 (a constant)

FINISHED = """
    SELECT finished_at AS at, extract(epoch FROM finished_at - started_at) AS seconds
    FROM (SELECT * FROM site_jobs ORDER BY job_id DESC LIMIT 10000) j
    WHERE state = 'done' AND started_at IS NOT NULL AND finished_at >= {since}
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
    is_held: bool
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
    job = Job(**{name: value for name, value in asdict(one).items() if name not in ("running", "open", "is_held")})
    job.is_held = one.is_held
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
        workers=("storage.operate_storageobject",),
    )
)


def describe_duration(period: Period) -> SeriesItem:
    """Return the median duration of the jobs of a period as an item."""
    if period.value is None:
        return SeriesItem(period.at.isoformat(), None, "no jobs")
    text = (
        f"{format_duration(timedelta(seconds=period.value))} ({period.count:,} job{'' if period.count == 1 else 's'})"
    )
    return SeriesItem(period.at.isoformat(), period.value, text)


register_series(
    "durations", "Median duration of jobs a day", VIEW, unit="day", rows=FINISHED,
    value="percentile_cont(0.5) WITHIN GROUP (ORDER BY r.seconds::float8)", describe=describe_duration,
    heading="Median duration",
)  # fmt: skip
