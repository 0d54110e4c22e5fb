"""Jobs in parts, which all workers execute."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from django.contrib.auth.models import User

from ncfd_site.core import sql
from ncfd_site.core.progress import NullReporter
from ncfd_site.jobs import queue
from ncfd_site.jobs.engine import requeue_lost
from ncfd_site.jobs.models import Job, JobPart
from ncfd_site.jobs.parts import run_parts
from tests.jobs.conftest import LIMIT, run, wait_for, working
from tests.jobs.working import worker_process

pytestmark = pytest.mark.django_db(transaction=True)

State = Job.State
SQUARES = [[number, number**2] for number in range(40)]


@pytest.fixture
def arguments(tmp_path: Path) -> dict[str, Any]:
    return {"to": 40, "file": str(tmp_path / "parts"), "go": str(tmp_path / "go")}


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "This never happened."
        time.sleep(0.02)


def read_parts(arguments: Mapping[str, Any]) -> list[list[int]]:
    """Return part and process of each line."""
    file = Path(arguments["file"])
    return [[int(word) for word in line.split()] for line in file.read_text().splitlines()] if file.exists() else []


def lose_worker(job: Job) -> None:
    """Let the worker of a job count as lost, as it does after a while."""
    sql.execute(
        "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"
        " WHERE id = (SELECT worker_id FROM procrastinate_jobs WHERE id = %s)",
        [job.task_id],
    )
    requeue_lost()


@pytest.mark.parametrize("victim", ["that joined in", "of the job"])
def test_a_killed_worker_changes_nothing(olga: User, arguments: dict[str, Any], victim: str) -> None:
    job = queue.start("test_square", arguments, actor=olga)
    with ExitStack() as stack:
        workers: dict[int, Popen[str]] = {
            process.pid: process for process in (stack.enter_context(worker_process()) for _ in range(2))
        }
        # Each of them has a part that waits.
        until(lambda: {pid for _, pid in read_parts(arguments)} == workers.keys())
        job.refresh_from_db()
        owner = int((job.worker or "").rpartition(":")[2])
        killed = owner if victim == "of the job" else (workers.keys() - {owner}).pop()
        workers[killed].kill()
        workers[killed].wait()
        Path(arguments["go"]).touch()
        if killed == owner:
            lose_worker(job)
        wait_for(job, lambda job: job.finished_at is not None)
    assert (job.state, job.result) == (State.DONE, {"squares": SQUARES, "counted": 40})
    assert (job.attempts, job.done, job.total) == (2 if killed == owner else 1, 40, 40)
    # Only the part that was killed has run twice.
    times = Counter(number for number, _ in read_parts(arguments))
    assert Counter(times.values()) == {1: 39, 2: 1}
    assert not JobPart.objects.exists()


def test_a_failed_part_fails_the_job_with_its_error(olga: User, arguments: dict[str, Any]) -> None:
    Path(arguments["go"]).touch()
    job = queue.start("test_square", {**arguments, "fails": 3}, actor=olga)
    run()
    job.refresh_from_db()
    assert (job.state, job.error) == (State.FAILED, "This sheep is not square.")
    # A resumed job keeps what is done.
    job.arguments = arguments
    JobPart.objects.filter(job=job, arguments__number=3).update(arguments={**arguments, "number": 3})
    queue.resume(job.pk, actor=olga)
    run()
    job.refresh_from_db()
    assert (job.state, job.result) == (State.DONE, {"squares": SQUARES, "counted": 40})
    assert Counter(number for number, _ in read_parts(arguments))[2] == 1


def test_workers_leave_the_parts_of_a_canceled_job(olga: User, arguments: dict[str, Any]) -> None:
    job = queue.start("test_square", arguments, actor=olga)
    with working(concurrency=2):
        until(lambda: len(read_parts(arguments)) == 2)
        queue.cancel(job.pk, actor=olga)
        Path(arguments["go"]).touch()
        wait_for(job, lambda job: job.finished_at is not None)
        until(lambda: not sql.value("SELECT count(*) FROM procrastinate_jobs"))
    assert (job.state, len(read_parts(arguments))) == (State.CANCELED, 2)


def test_only_a_job_has_parts() -> None:
    with pytest.raises(TypeError, match="Only a background job has parts"):
        next(run_parts(NullReporter(), []))
