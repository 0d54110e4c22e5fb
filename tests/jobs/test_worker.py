"""Running of jobs by a worker, and their state after it is stopped, killed or loses its lease."""

import signal
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections

from ncfd_site.core import sql
from ncfd_site.jobs import queue, worker
from ncfd_site.jobs.lease import EXHAUSTED, Lease, LeaseLost, Progress, acquire, own_connection
from ncfd_site.jobs.models import Job
from tests.jobs.conftest import run, wait_for, working
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
    assert (job.attempts, job.checkpoint, job.lease_until) == (1, {"counted": 3}, None)


def test_what_this_version_does_not_know_waits_for_a_worker_that_does(olga: User) -> None:
    Job.objects.create(kind="of_tomorrow", requested_by="olga")
    assert run() == []
    assert Job.objects.get().state == State.QUEUED


def test_of_many_workers_one_takes_the_job(olga: User) -> None:
    queue.start("test_count", {"to": 3}, actor=olga)

    def take(number: int) -> bool:
        with own_connection() as own:
            return acquire(f"worker {number}", ["test_count"], 60, using=own) is not None

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


def expire_leases() -> None:
    sql.execute("UPDATE site_jobs SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")


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
    expire_leases()
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
    assert (job.state, job.attempts, job.lease_until) == (State.QUEUED, 0, None)
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


def test_a_worker_without_its_lease_ends_and_leaves_the_row_alone(olga: User) -> None:
    job = queue.start("test_count", {"to": 10_000, "pause": 0.01}, actor=olga)
    with working():
        wait_for(job, lambda job: job.done >= 3)
        sql.execute("UPDATE site_jobs SET worker = 'another', lease_until = now() + interval '1 hour'")
        job.refresh_from_db()
        another = queue.start("test_count", {"to": 1}, actor=olga)
        # The worker is free again.
        wait_for(another, lambda job: job.state == State.DONE)
    after = Job.objects.get(pk=job.pk)
    assert (after.state, after.worker) == (State.RUNNING, "another")
    assert (after.done, after.checkpoint, after.lease_until) == (job.done, job.checkpoint, job.lease_until)


def test_every_write_of_a_worker_without_its_lease_is_refused(olga: User) -> None:
    job = queue.start("test_count", {"to": 1}, actor=olga)
    with own_connection() as own:
        acquire("first", ["test_count"], -1, using=own)
        acquire("second", ["test_count"], 60, using=own)
        before = Job.objects.values().get()
        lost = Lease(job.pk, "first", 60)
        for write in (
            lambda: lost.renew(using=own),
            lambda: lost.write(Progress("mine", 9, 9, "sheep"), {"mine": True}, using=own),
            lambda: lost.finish(State.DONE, result={}, using=own),
            lambda: lost.release(using=own),
        ):
            with pytest.raises(LeaseLost):
                write()
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
    from ncfd_site.jobs import job_types

    def odd(arguments: Mapping[str, Any], control: object) -> Mapping[str, Any]:
        return {"odd": object(), "counted": 1}

    kind = job_types.find_job_type("test_count")
    monkeypatch.delitem(job_types._registered, kind.name)
    job_types.register(
        job_types.JobType(
            name=kind.name, title="", permission="", run=odd, describe=kind.describe, conclude=kind.conclude
        )
    )
    Job.objects.create(kind=kind.name, requested_by="olga")
    run()
    assert "unexpected error (TypeError)" in str(Job.objects.get().error)


def test_a_job_that_loses_its_database_again_and_again_is_given_up(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "POLL_INTERVAL", 0.1)
    monkeypatch.setattr(worker, "MAX_PAUSE", 0.2)
    job = queue.start("test_fail", {"how": "cut"}, actor=olga)
    other = queue.start("test_count", {"to": 1}, actor=olga)
    while job.state != State.FAILED:
        run()
        expire_leases()
        job.refresh_from_db()
    assert (job.error, job.attempts) == (EXHAUSTED, 5)
    # The worker lives on.
    other.refresh_from_db()
    assert other.state == State.DONE
    job = queue.resume(job.pk, actor=olga)
    assert (job.state, job.attempts, job.error) == (State.QUEUED, 0, None)


def test_connections_that_are_cut_do_not_end_a_job(olga: User) -> None:
    job = queue.start("test_count", {"to": 100, "pause": 0.01}, actor=olga)
    with working(lease_seconds=6):
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
    with own_connection() as own:
        acquire("lost", ["test_count"], 60, using=own)
    queue.cancel(job.pk, actor=olga)
    sql.execute("UPDATE site_jobs SET lease_until = now() - interval '1 second'")
    assert run() == []
    job.refresh_from_db()
    assert (job.state, job.checkpoint) == (State.CANCELED, {})


def test_a_worker_keeps_no_connection_of_the_work_while_it_is_idle(olga: User) -> None:
    queue.start("test_count", {"to": 3}, actor=olga)
    run()
    assert connections["default"].connection is None
