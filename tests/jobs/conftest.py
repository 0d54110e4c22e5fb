"""Job types of the tests, and users who start them."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User

from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from ncfd_site.jobs import job_types, worker
from ncfd_site.jobs.models import Job
from tests.factories import make_user
from tests.jobs import counting

# Seconds until a worker that does not do what it must is a failure.
LIMIT = 120


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_types._registry, "_items", job_types._registry.items())
    counting.register_all()


@pytest.fixture
def olga() -> User:
    """Return a user who may start the jobs of the tests."""
    return make_user(Role.OPERATOR)


@pytest.fixture
def ana() -> User:
    """Return a user who may view them."""
    return make_user(Role.ANALYST)


def run() -> list[str]:
    """Run the queued jobs in this process and return the worker's log lines."""
    log: list[str] = []
    # After a browser test, this thread has an event loop that runs.
    with ThreadPoolExecutor(1) as executor:
        executor.submit(worker.work, threading.Event(), log.append, until_idle=True).result()
    return log


@contextmanager
def working(concurrency: int = 1) -> Iterator[threading.Event]:
    """Run a worker in a thread during the block; yield the event that stops it."""
    stopping = threading.Event()

    def work() -> None:
        worker.work(stopping, lambda _: None, concurrency=concurrency)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield stopping
    finally:
        stopping.set()
        thread.join(LIMIT)
        assert not thread.is_alive(), "The worker does not stop."


def wait_for(job: Job, condition: Callable[[Job], bool]) -> Job:
    """Wait until the row of a job is so, and return it."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        job.refresh_from_db()
        if condition(job):
            return job
        time.sleep(0.02)
    raise AssertionError(f"{job} is {job.state} after {LIMIT} s: {job.error}")


def fetch_task() -> int | None:
    """Let a new worker fetch a task, as procrastinate does; return its number."""
    worker_id = sql.value("SELECT procrastinate_register_worker_v1()")
    task: int | None = sql.value("SELECT id FROM procrastinate_fetch_job_v2(NULL, %s)", [worker_id])
    return task


def expire_heartbeats() -> None:
    """Let every worker count as lost."""
    sql.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")


def skip_backoff() -> None:
    """Let tasks that are retried later be retried now."""
    sql.execute("UPDATE procrastinate_jobs SET scheduled_at = now()")
