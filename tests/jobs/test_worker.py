"""Running of jobs by a worker, and their state after it is stopped, killed or loses its lease."""

import asyncio
import contextlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction

from ncfd_site.core import sql
from ncfd_site.jobs import engine, job_types, queue, worker
from ncfd_site.jobs.engine import EXHAUSTED, requeue_lost
from ncfd_site.jobs.execution import Execution, JobTakenError, Progress
from ncfd_site.jobs.models import Job
from tests.jobs.conftest import LIMIT, expire_heartbeats, fetch_task, run, skip_backoff, wait_for, working
from tests.jobs.counting import SECRET
from tests.jobs.working import worker_process

pytestmark = pytest.mark.django_db(transaction=True)

State = Job.State


def counted(file: Path) -> list[int]:
    """The numbers that were counted, in order."""
    return [int(line.split()[0]) for line in file.read_text().splitlines()]


def test_a_job_is_carried_out(olga: User) -> None:
    job = queue.start("test_count", {"to": 3}, actor=olga)
    assert run() == [
        f"Job {job.pk} starts: Count sheep, requested by olga.",
        f"Job {job.pk} is done: 3 sheep were counted.",
    ]
    job.refresh_from_db()
    assert (job.state, job.result) == (State.DONE, {"counted": 3, "by": "olga", "first": 1})
    assert (job.step, job.done, job.total, job.unit) == ("counting", 3, 3, "sheep")
    assert (job.attempts, job.checkpoint) == (1, {"counted": 3})
    assert sql.value("SELECT count(*) FROM procrastinate_jobs") == 0


def test_what_this_version_does_not_know_waits_for_a_worker_that_does(olga: User) -> None:
    Job.objects.create(kind="of_tomorrow", requested_by="olga")
    assert run() == []
    assert Job.objects.get().state == State.QUEUED


def test_of_many_workers_one_takes_the_job(olga: User) -> None:
    queue.start("test_count", {"to": 3}, actor=olga)

    def take(_: int) -> bool:
        try:
            return fetch_task() is not None
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(16) as pool:
        assert Counter(pool.map(take, range(32))) == {True: 1, False: 31}


def test_two_workers_never_carry_out_one_job_twice(olga: User, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}" for number in range(30)]
    for file in files:
        queue.start("test_count", {"to": 5, "file": str(file), "pause": 0.002}, actor=olga)
    with worker_process(), worker_process():
        for job in Job.objects.all():
            wait_for(job, lambda job: job.state == State.DONE)
    for file in files:
        assert counted(file) == [1, 2, 3, 4, 5]
        assert len({line.split()[1] for line in file.read_text().splitlines()}) == 1


def remove_pauses() -> None:
    """Let the job count on without pauses, which gave the test time to stop it."""
    sql.execute("UPDATE site_jobs SET arguments = arguments || '{\"pause\": 0}'")


def test_after_a_kill_another_worker_goes_on_from_the_checkpoint(olga: User, tmp_path: Path) -> None:
    file = tmp_path / "counted"
    job = queue.start("test_count", {"to": 500, "file": str(file), "pause": 0.02}, actor=olga)
    with worker_process() as first:
        wait_for(job, lambda job: job.done >= 5)
        first.kill()
    job.refresh_from_db()
    killed_at = job.checkpoint["counted"]
    assert (job.state, job.attempts) == (State.RUNNING, 1)
    remove_pauses()
    expire_heartbeats()
    with working():
        wait_for(job, lambda job: job.state == State.DONE)
    assert job.attempts == 2
    # The number that it was at may be counted again, and none is left out.
    assert job.result == {"counted": 500, "by": "olga", "first": killed_at + 1}
    assert sorted(set(counted(file))) == list(range(1, 501))
    assert len(counted(file)) <= 501


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_worker_requeues_its_job(olga: User, number: signal.Signals) -> None:
    job = queue.start("test_count", {"to": 10_000, "pause": 0.01}, actor=olga)
    with worker_process() as process:
        wait_for(job, lambda job: job.done >= 3)
        process.send_signal(number)
        output, _ = process.communicate()
    assert process.returncode == 0
    assert output.splitlines()[-1] == f"Job {job.pk} is queued again: this worker stops."
    job.refresh_from_db()
    assert (job.state, job.attempts) == (State.QUEUED, 0)
    assert job.checkpoint["counted"] == job.done >= 3


def test_a_running_job_is_canceled_and_goes_on_later(olga: User, tmp_path: Path) -> None:
    file = tmp_path / "counted"
    job = queue.start("test_count", {"to": 500, "file": str(file), "pause": 0.02}, actor=olga)
    with working():
        wait_for(job, lambda job: job.done >= 3)
        queue.cancel(job.pk, actor=olga)
        wait_for(job, lambda job: job.state == State.CANCELED)
        assert 3 <= job.checkpoint["counted"] == job.done < 500
        remove_pauses()
        queue.resume(job.pk, actor=olga)
        wait_for(job, lambda job: job.state == State.DONE)
    assert counted(file) == list(range(1, 501))


def test_a_worker_that_lost_its_job_ends_and_leaves_the_row_alone(olga: User) -> None:
    job = queue.start("test_count", {"to": 10_000, "pause": 0.01}, actor=olga)
    with working():
        wait_for(job, lambda job: job.done >= 3)
        sql.execute("UPDATE site_jobs SET worker = 'another', task_id = 0")
        job.refresh_from_db()
        another = queue.start("test_count", {"to": 1}, actor=olga)
        # The worker is free again.
        wait_for(another, lambda job: job.state == State.DONE)
    after = Job.objects.get(pk=job.pk)
    assert (after.state, after.worker) == (State.RUNNING, "another")
    assert (after.done, after.checkpoint, after.task_id) == (job.done, job.checkpoint, 0)


def start_execution(job: Job, worker: str) -> Execution:
    """Fetch the task of the only job, and start the job."""
    task = fetch_task()
    assert task is not None
    execution = Execution(job.pk, task, "default")
    assert execution.start(worker) is not None
    return execution


def test_every_write_of_a_worker_that_lost_its_job_is_refused(olga: User) -> None:
    job = queue.start("test_count", {"to": 1}, actor=olga)
    lost = start_execution(job, "first")
    expire_heartbeats()
    requeue_lost()
    start_execution(job, "second")
    before = Job.objects.values().get()
    for write in (
        lambda: lost.write(Progress("mine", 9, 9, "sheep"), {"mine": True}),
        lambda: lost.finish(State.DONE, result={}),
        lost.release,
    ):
        with pytest.raises(JobTakenError):
            write()
    assert lost.start("first") is None
    assert Job.objects.values().get() == before
    assert (before["worker"], before["attempts"]) == ("second", 2)


def test_progress_is_seen_while_the_work_holds_a_transaction_and_survives_its_rollback(
    olga: User, tmp_path: Path
) -> None:
    file = tmp_path / "go"
    job = queue.start("test_hold", {"file": str(file)}, actor=olga)
    with working():
        wait_for(job, lambda job: job.done == 7)
        assert (job.state, job.step, job.checkpoint) == (State.RUNNING, "holding a transaction", {"breaths": 7})
        file.touch()
        wait_for(job, lambda job: job.state == State.DONE)
    assert (job.done, job.checkpoint) == (7, {"breaths": 7})


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("refusal", "The sheep are not shorn."),
        ("listed", "The scales are broken."),
        ("sql", "The work failed with an unexpected error (DataError)."),
        ("other", "The work failed with an unexpected error (ValueError)."),
    ],
)
def test_a_failure_is_a_sentence_without_secrets(
    olga: User, how: str, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    job = queue.start("test_fail", {"how": how}, actor=olga)
    log = run()
    job.refresh_from_db()
    assert job.state == State.FAILED
    assert job.error is not None
    assert job.error.startswith(sentence)
    assert (job.done, job.checkpoint) == (3, {"weighed": 3})
    assert SECRET not in job.error + "".join(log)
    assert "Traceback" not in job.error
    # The log has the details of unexpected errors only.
    assert (SECRET in caplog.text) == (how in ("sql", "other"))


def test_a_result_that_is_no_json_is_a_failure(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(arguments: Mapping[str, Any], control: object) -> Mapping[str, Any]:
        return {"odd": object(), "counted": 1}

    kind = job_types.find_job_type("test_count")
    monkeypatch.delitem(job_types._registry._items, kind.name)
    job_types.register(
        job_types.JobType(
            name=kind.name, title="", permission="", run=odd, describe=kind.describe, conclude=kind.conclude
        )
    )
    Job.objects.create(kind=kind.name, requested_by="olga")
    # Without a task, as a job of an earlier version of the site, it gets one.
    run()
    assert "unexpected error (TypeError)" in str(Job.objects.get().error)


def test_a_job_that_loses_its_database_again_and_again_is_given_up(olga: User) -> None:
    job = queue.start("test_fail", {"how": "cut"}, actor=olga)
    other = queue.start("test_count", {"to": 1}, actor=olga)
    while job.state != State.FAILED:
        run()
        skip_backoff()
        job.refresh_from_db()
    assert (job.error, job.attempts) == (EXHAUSTED, 5)
    # The worker lives on.
    other.refresh_from_db()
    assert other.state == State.DONE
    job = queue.resume(job.pk, actor=olga)
    assert (job.state, job.attempts, job.error) == (State.QUEUED, 0, None)


def test_connections_that_are_cut_do_not_end_a_job(olga: User) -> None:
    job = queue.start("test_count", {"to": 100, "pause": 0.01}, actor=olga)
    with working():
        for done in (3, 20, 40):
            while wait_for(job, lambda job: job.done > 0).done < done:
                pass
            sql.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        wait_for(job, lambda job: job.state == State.DONE)
    assert job.attempts == 1


def test_the_end_that_was_asked_of_a_lost_worker_comes_from_the_next(olga: User) -> None:
    job = queue.start("test_count", {"to": 3}, actor=olga)
    start_execution(job, "lost")
    queue.cancel(job.pk, actor=olga)
    expire_heartbeats()
    assert run() == []
    job.refresh_from_db()
    assert (job.state, job.checkpoint) == (State.CANCELED, {})


def test_a_worker_keeps_no_connection_of_the_work_while_it_is_idle(olga: User) -> None:
    job = queue.start("test_count", {"to": 3}, actor=olga)
    with working():
        wait_for(job, lambda job: job.state == State.DONE)
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        while sql.value(others) != 1:
            time.sleep(0.02)


def test_of_waiting_jobs_the_highest_priority_and_then_the_oldest_starts(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = job_types.find_job_type("test_shear")
    monkeypatch.setitem(job_types._registry._items, "test_shear", replace(kind, priority=1))
    jobs = [queue.start(name, {"to": 1}, actor=olga).pk for name in ("test_count", "test_count", "test_shear")]
    assert [int(line.split()[1]) for line in run() if "starts" in line] == [jobs[2], jobs[0], jobs[1]]


def test_a_worker_runs_as_many_jobs_at_once_as_its_option_names(olga: User, tmp_path: Path) -> None:
    file = tmp_path / "go"
    jobs = [queue.start("test_hold", {"file": str(file)}, actor=olga) for _ in range(3)]
    with working(concurrency=2):
        for job in jobs[:2]:
            wait_for(job, lambda job: job.done == 7)
        jobs[2].refresh_from_db()
        assert jobs[2].state == State.QUEUED
        file.touch()
        for job in jobs:
            wait_for(job, lambda job: job.state == State.DONE)


def test_a_worker_that_waits_for_its_last_job_does_not_count_as_lost(
    olga: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "HEARTBEAT", 0.1)
    monkeypatch.setattr(engine, "LOST_AFTER", 3.0)
    file = tmp_path / "go"
    job = queue.start("test_hold", {"file": str(file)}, actor=olga)
    with working() as stopping:
        wait_for(job, lambda job: job.done == 7)
        stopping.set()
        end = time.monotonic() + 5
        while time.monotonic() < end:
            requeue_lost()
            time.sleep(0.1)
        file.touch()
    job.refresh_from_db()
    assert (job.state, job.attempts) == (State.DONE, 1)


def test_a_worker_stops_though_a_query_drops_its_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    execute = worker.Connector.execute_query_async
    started = threading.Event()

    async def drop_cancellation(self: worker.Connector, query: Any, **arguments: Any) -> None:
        """Execute as in Python 3.11, with a longer moment in which a cancellation is lost."""
        await execute(self, query, **arguments)
        started.set()
        with contextlib.suppress(asyncio.CancelledError):  # codespell:ignore
            await asyncio.sleep(0.2)

    monkeypatch.setattr(worker, "HEARTBEAT", 0.01)
    monkeypatch.setattr(worker.Connector, "execute_query_async", drop_cancellation)
    # Fails if the worker does not stop.
    with working():
        assert started.wait(LIMIT)


def test_a_task_whose_worker_never_heard_of_it_is_given_to_another(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "HEARTBEAT", 0.1)
    with working():
        while not (worker_id := sql.value("SELECT max(id) FROM procrastinate_workers")):
            time.sleep(0.02)
        # As if the connection had been cut before the answer.
        with transaction.atomic():
            job = queue.start("test_count", {"to": 3}, actor=olga)
            sql.value("SELECT id FROM procrastinate_fetch_job_v2(NULL, %s)", [worker_id])
        wait_for(job, lambda job: job.state == State.DONE)
    assert job.attempts == 1
