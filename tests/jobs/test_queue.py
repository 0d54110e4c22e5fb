"""Actions on jobs and their permissions."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from ncfd_site.core import sql
from ncfd_site.jobs import job_types, queue
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.queue import JobError
from tests.jobs import counting
from tests.jobs.conftest import expire_heartbeats, fetch_task, run

pytestmark = pytest.mark.django_db(transaction=True)

State = Job.State


def test_a_job_waits_for_a_worker(olga: User) -> None:
    job = queue.start("test_count", {"to": 3}, actor=olga)
    assert (job.state, job.requested_by, job.arguments, job.attempts) == (State.QUEUED, "olga", {"to": 3}, 0)


def test_a_job_is_started_with_the_transaction_around_it(olga: User) -> None:
    with transaction.atomic():
        queue.start("test_count", {"to": 3}, actor=olga)
        transaction.set_rollback(True)
    assert not Job.objects.exists()
    assert run() == []


def test_who_lacks_the_permission_of_the_kind_may_do_nothing(olga: User, ana: User) -> None:
    with pytest.raises(PermissionDenied, match=r"Starting .* needs the permission storage.operate_storageobject"):
        queue.start("test_count", {"to": 3}, actor=ana)
    job = queue.start("test_count", {"to": 3}, actor=olga)
    with pytest.raises(PermissionDenied, match="Canceling"):
        queue.cancel(job.pk, actor=ana)
    queue.cancel(job.pk, actor=olga)
    with pytest.raises(PermissionDenied, match="Resuming"):
        queue.resume(job.pk, actor=ana)
    job.refresh_from_db()
    assert job.state == State.CANCELED


def test_an_unknown_kind_is_not_taken(olga: User) -> None:
    with pytest.raises(LookupError, match="no job type nothing"):
        queue.start("nothing", {}, actor=olga)


def test_two_kinds_cannot_have_one_name() -> None:
    with pytest.raises(ValueError, match="Two job types have the name test_count"):
        job_types.register(
            job_types.JobType(
                name="test_count",
                title="",
                permission="",
                run=counting.count,
                describe=lambda _: "",
                conclude=lambda _: "",
            )
        )


def test_an_exclusive_job_excludes_others_until_it_ends(olga: User) -> None:
    first = queue.start("test_shear", {"to": 1}, actor=olga)
    with pytest.raises(JobError, match=f"open: job {first.pk} of olga is queued"):
        queue.start("test_shear", {"to": 1}, actor=olga)
    queue.cancel(first.pk, actor=olga)
    second = queue.start("test_shear", {"to": 1}, actor=olga)
    with pytest.raises(JobError, match=f"open: job {second.pk}"):
        queue.resume(first.pk, actor=olga)
    first.refresh_from_db()
    assert first.state == State.CANCELED


def test_of_many_at_once_one_exclusive_job_is_taken(olga: User) -> None:
    def start(_: int) -> str:
        try:
            queue.start("test_shear", {"to": 1}, actor=olga)
        except JobError as refused:
            return str(refused)
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(start, range(16)))
    taken = Job.objects.get()
    assert outcomes.count("") == 1
    assert sum(f"job {taken.pk} of olga" in sentence for sentence in outcomes) == 15


def test_a_waiting_job_is_canceled_at_once_and_goes_on_later(olga: User) -> None:
    job = queue.cancel(queue.start("test_count", {"to": 3}, actor=olga).pk, actor=olga)
    assert (job.state, job.canceled_by) == (State.CANCELED, "olga")
    assert job.finished_at is not None
    with pytest.raises(JobError, match="There is nothing to cancel"):
        queue.cancel(job.pk, actor=olga)
    job = queue.resume(job.pk, actor=olga)
    assert (job.state, job.canceled_by, job.finished_at) == (State.QUEUED, None, None)
    with pytest.raises(JobError, match="is queued"):
        queue.resume(job.pk, actor=olga)


def test_canceling_a_running_job_asks_its_worker_and_finishes_a_job_without_one(olga: User) -> None:
    job = queue.start("test_count", {"to": 3}, actor=olga)
    fetch_task()
    sql.execute("UPDATE site_jobs SET state = 'running'")
    job = queue.cancel(job.pk, actor=olga)
    assert (job.state, job.canceled_by) == (State.RUNNING, "olga")
    expire_heartbeats()
    assert queue.cancel(job.pk, actor=olga).state == State.CANCELED
