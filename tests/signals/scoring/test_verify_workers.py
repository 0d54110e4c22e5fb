"""verify_scores with several processes."""

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connections

from ncfd_site.core import sql
from ncfd_site.core.roles import Role
from ncfd_site.jobs import queue
from ncfd_site.jobs.models import Job
from signals.models import Gate, Score
from signals.scoring.run import score_trials
from signals.scoring.verification import Mismatch, VerificationCounts, find_mismatches
from tests.factories import make_user
from tests.jobs.conftest import wait_for
from tests.jobs.working import worker_process
from tests.signals.scoring.rows import make_signals, make_trial
from tests.signals.scoring.test_interrupted_scoring import WAITING, held, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def wrong() -> list[Mismatch]:
    """Scored trials, and their mismatches: a score, a gate, and a score of another table."""
    trials = [make_trial() for _ in range(40)]
    for trial in trials[::2]:
        make_signals(trial, "S1H", "S2H")
    score_trials("one")
    Score.objects.filter(trial=trials[3]).update(p_fail="0.5")
    Gate.objects.filter(trial=trials[30], g_id="G1").update(fired_bool=False)
    score = Score.objects.get(trial=trials[12])
    Score.objects.filter(pk=score.pk).update(metadata={**score.metadata, "table_version": "other"})
    found, counts = verify(1)
    assert {one.nct_id for one in found} == {trials[3].nct_id, trials[30].nct_id, trials[12].nct_id}
    assert counts == VerificationCounts(40, 160, 0)
    return found


def verify(workers: int, run_id: str | None = "one") -> tuple[list[Mismatch], VerificationCounts]:
    counts = VerificationCounts()
    try:
        return list(find_mismatches(counts, run_id, workers=workers)), counts
    finally:
        connections.close_all()


def test_several_processes_find_the_same(wrong: list[Mismatch]) -> None:
    assert verify(2) == (wrong, VerificationCounts(40, 160, 0))


def test_killed_process_changes_nothing(wrong: list[Mismatch]) -> None:
    with ThreadPoolExecutor(1) as thread:
        with held("LOCK TABLE scores IN ACCESS EXCLUSIVE MODE"):
            # The first statement of the command waits too, without a run: the processes do.
            result = thread.submit(verify, 2, None)
            until(lambda: len(multiprocessing.active_children()) == 2)
            victim = multiprocessing.active_children()[0].pid
            assert victim is not None
            os.kill(victim, signal.SIGKILL)
        found, counts = result.result(timeout=120)
    assert (sorted(map(str, found)), counts) == (sorted(map(str, wrong)), VerificationCounts(40, 160, 0))


def test_killed_worker_of_the_job_changes_nothing(wrong: list[Mismatch]) -> None:
    with ExitStack() as stack:
        with held("LOCK TABLE gates IN ACCESS EXCLUSIVE MODE"):
            workers = {process.pid: process for process in (stack.enter_context(worker_process()) for _ in range(2))}
            job = queue.start("verify_scores", {}, actor=make_user(Role.OPERATOR))
            # The scores are verified, and each worker has gates.
            until(lambda: sql.value(WAITING) == 2)
            job.refresh_from_db()
            del workers[int((job.worker or "").rpartition(":")[2])]
            [victim] = workers.values()
            victim.kill()
            victim.wait()
        job = wait_for(job, lambda job: job.finished_at is not None)
    assert (job.state, job.attempts, job.done, job.total) == (Job.State.FAILED, 1, 32, 32)
    assert (job.error or "").startswith(f"{len(wrong)} mismatches: ")
    assert all(one.sentence in (job.error or "") for one in wrong)


def test_command_takes_the_number_of_processes() -> None:
    make_trial()
    score_trials("one")
    out = StringIO()
    call_command("verify_scores", "--workers", "2", stdout=out)
    assert out.getvalue().splitlines() == ["Verified 1 score and 4 gates.", "No mismatches."]
