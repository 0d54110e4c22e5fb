"""Job types of the tests, and users who start them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User

from ncfd_site.core.roles import Role
from ncfd_site.jobs import job_types, worker
from ncfd_site.jobs.models import Job
from tests.factories import make_user
from tests.jobs import counting


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_types, "_registered", {**job_types._registered})
    counting.register_all()


@pytest.fixture
def olga() -> User:
    """Return a user who may start the jobs of the tests."""
    return make_user(Role.OPERATOR)


@pytest.fixture
def ana() -> User:
    """Return a user who may view them."""
    return make_user(Role.ANALYST)


def run(lease_seconds: float = 60) -> list[str]:
    """Run the queued jobs in this process and return the worker's log lines."""
    log: list[str] = []
    worker.work(threading.Event(), log.append, until_idle=True, lease_seconds=lease_seconds)
    return log


@contextmanager
def working(lease_seconds: float = 60) -> Iterator[threading.Event]:
    """Run a worker in a thread during the block; yield the event that stops it."""
    stopping = threading.Event()

    def work() -> None:
        worker.work(stopping, lambda _: None, lease_seconds=lease_seconds)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield stopping
    finally:
        stopping.set()
        thread.join()


def wait_for(job: Job, condition: Callable[[Job], bool]) -> Job:
    """Wait until the row of a job is so, and return it."""
    while True:
        job.refresh_from_db()
        if condition(job):
            return job
        time.sleep(0.02)
