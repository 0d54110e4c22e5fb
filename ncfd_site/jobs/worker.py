"""The worker: procrastinate fetches tasks, and this module runs their jobs in threads and writes their progress."""

import asyncio
import logging
import math
import os
import socket
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, connections
from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as Task
from procrastinate.worker import Worker
from psycopg.errors import RaiseException

from ncfd_site.config.errors import UserError
from ncfd_site.core.progress import Canceled
from ncfd_site.jobs.engine import HEARTBEAT, LOST_AFTER, TASK, requeue_lost
from ncfd_site.jobs.execution import DATABASE_ERRORS, Execution, JobTakenError, own_connection
from ncfd_site.jobs.job_types import JobType, find_job_type, registered_job_types, report_failure
from ncfd_site.jobs.models import Job
from ncfd_site.jobs.parts import TASK as PARTS_TASK
from ncfd_site.jobs.parts import join_in
from ncfd_site.jobs.reporter import JobReporter, Requeued
from ncfd_site.jobs.schedule import start_due

logger = logging.getLogger(__name__)

# Seconds between two looks for tasks, and the longest pause before a lost database is tried again.
POLL_INTERVAL = 1.0
MAX_PAUSE = 30.0
# Seconds between two looks whether the worker is to stop.
STOP_INTERVAL = 0.1

Log = Callable[[str], None]


def run_job(job_id: int, task_id: int, worker: str, stopping: threading.Event, log: Log) -> None:
    """Run a job as its task, and write its outcome. Raises `Requeued` and `DATABASE_ERRORS` for a retry of the task."""
    try:
        with own_connection() as own:
            execution = Execution(job_id, task_id, own)
            job = execution.start(worker)
            if job is None:
                return
            job_type = find_job_type(job.kind)
            verb = "restarts" if job.attempts > 1 else "starts"
            log(f"Job {job_id} {verb}: {job_type.title}, requested by {job.requested_by}.")
            reporter = JobReporter(job, execution, stopping)
            log(f"Job {job_id} {_run_to_outcome(job, job_type, execution, reporter)}")
    except Requeued:
        log(f"Job {job_id} is queued again: this worker stops.")
        raise
    except JobTakenError:
        log(f"Job {job_id} counts as lost; this worker drops it.")
    except DATABASE_ERRORS as error:
        logger.warning("Job %s lost the database (%s) and is tried again.", job_id, type(error).__name__)
        raise
    finally:
        # The work may have broken its connection, and an idle worker needs none.
        connections[DEFAULT_DB_ALIAS].close()


def _run_to_outcome(job: Job, job_type: JobType, execution: Execution, reporter: JobReporter) -> str:
    """Run the work, write its outcome, and return that for the log."""
    expected: tuple[type[Exception], ...] = (UserError, *job_type.errors)
    ours: tuple[type[Exception], ...] = (JobTakenError, *DATABASE_ERRORS)
    try:
        result = job_type.run(job.arguments, reporter)
        reporter.flush()
        execution.finish(Job.State.DONE, result=result)
        return f"is done: {job_type.conclude(result)}"
    except Requeued:
        reporter.flush()
        execution.release()
        raise
    except Canceled:
        reporter.flush()
        execution.finish(Job.State.CANCELED)
        return "is canceled."
    except ours:
        raise
    except expected as known:
        error = str(known)
    # Broad: an error of one job is its result, and the worker goes on with the next.
    except Exception as unknown:
        logger.exception("Job %s failed.", job.pk)
        error = (
            f"The work failed with an unexpected error ({type(unknown).__name__}). Finished work is kept. The log of"
            " the workers has the details; resume the job once the cause is corrected."
        )
    reporter.flush()
    execution.finish(Job.State.FAILED, error=error.replace("\x00", ""))
    job.refresh_from_db()
    report_failure(job)
    return f"failed: {error}"


class RetryStrategy(BaseRetryStrategy):
    """Retries a task of a stopped worker at once, and one that lost the database after 2, 4, 8, … seconds."""

    def get_retry_decision(self, *, exception: BaseException, job: Task) -> RetryDecision | None:
        """Return when to retry, None for a finished task."""
        if isinstance(exception, Requeued):
            return RetryDecision()
        if isinstance(exception, DATABASE_ERRORS):
            return RetryDecision(retry_in={"seconds": min(2 ** (job.attempts + 1), 60)})
        return None


def _outlast_outages(execute: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Return a method of the connector that waits for a lost database until the worker is to stop."""

    async def execute_until_done(self: "Connector", query: Any, **arguments: Any) -> Any:
        pause = POLL_INTERVAL
        while True:
            try:
                return await execute(self, query, **arguments)
            except ConnectorException as error:
                if isinstance(error.__cause__, RaiseException):
                    # The worker counted as lost: its task is gone, and the job has another one.
                    return None
                if self.stopping.is_set() or not isinstance(error.__cause__, DATABASE_ERRORS):
                    raise
                name = type(error.__cause__).__name__
            logger.warning("Lost the database (%s); retrying in %.0f s.", name, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, MAX_PAUSE)

    return execute_until_done


class Connector(PsycopgConnector):
    """Procrastinate's connection."""

    execute_query_async = _outlast_outages(PsycopgConnector.execute_query_async)
    execute_query_one_async = _outlast_outages(PsycopgConnector.execute_query_one_async)
    execute_query_all_async = _outlast_outages(PsycopgConnector.execute_query_all_async)

    def __init__(self, stopping: threading.Event) -> None:
        super().__init__(
            # Evaluated for each connection: the embedded server moves when it restarts.
            kwargs=lambda: connector_params(DEFAULT_DB_ALIAS),
            min_size=1,
            max_size=1,
            timeout=MAX_PAUSE,
            # Short, since the pauses between attempts within it double.
            reconnect_timeout=5,
        )
        self.stopping = stopping


def work(
    stopping: threading.Event, log: Log, *, once: bool = False, until_idle: bool = False, concurrency: int = 1
) -> None:
    """Run jobs until `stopping` is set, which queues the running ones again; `log` receives a line per event.

    `once` ends after at most one job, `until_idle` when none is queued. A lost database is waited for.
    """
    asyncio.run(_work(stopping, log, once=once, until_idle=until_idle, concurrency=concurrency))


async def _work(stopping: threading.Event, log: Log, *, once: bool, until_idle: bool, concurrency: int) -> None:
    # One thread for each job, and one for lost and scheduled jobs.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(concurrency + 1))
    name = f"{socket.gethostname()}:{os.getpid()}"
    app = App(connector=Connector(stopping))
    # Set after the worker fetches no more tasks: it would fetch again what it gives back.
    halting = threading.Event()

    @app.task(name=TASK, pass_context=True, retry=RetryStrategy())
    def run_task(context: JobContext, job_id: int) -> None:
        try:
            run_job(job_id, cast(int, context.job.id), name, halting, log)
        finally:
            if once:
                worker.stop()

    @app.task(name=PARTS_TASK, retry=RetryStrategy())
    def run_parts(job_id: int, kind: str) -> None:
        join_in(job_id, kind, halting)

    await asyncio.to_thread(_requeue_and_schedule)
    async with app.open_async():
        worker: Any = Worker(  # its methods have no types
            app,
            # Unknown types are left to workers that know them.
            queues=[job_type.name for job_type in registered_job_types()],
            concurrency=1 if once else concurrency,
            wait=not (once or until_idle),
            # LISTEN does not pass a pooler in transaction mode.
            listen_notify=False,
            fetch_job_polling_interval=POLL_INTERVAL,
            # `_beat` does this, since a side task of procrastinate can miss its cancellation (see `_is_stopping`).
            update_heartbeat_interval=math.inf,
            abort_job_polling_interval=math.inf,
            stalled_worker_timeout=LOST_AFTER,
            delete_jobs="always",
            install_signal_handlers=False,
        )
        coroutines = _watch(worker, stopping, halting), _beat(app, worker), _tend(app, worker)
        attendants = [asyncio.create_task(coroutine) for coroutine in coroutines]
        for attendant in attendants:
            # Without them, the worker would neither stop nor count as alive, nor requeue lost jobs.
            attendant.add_done_callback(lambda _: worker.stop())
        try:
            await worker.run()
        except ConnectorException:
            if not stopping.is_set():
                raise
        finally:
            for attendant in attendants:
                attendant.cancel()
            ends = await asyncio.gather(*attendants, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception) and not stopping.is_set():
                raise end


async def _watch(worker: Any, stopping: threading.Event, halting: threading.Event) -> None:
    """Stop the worker, and then its jobs, once `stopping` is set."""
    while not stopping.is_set():
        await asyncio.sleep(STOP_INTERVAL)
    worker.stop()
    halting.set()


def _is_stopping() -> bool:
    """Return whether this task is to end, for a loop with queries.

    In Python 3.11, `asyncio.wait_for`, with which queries wait, drops a cancellation that arrives with the answer.
    """
    return bool(cast("asyncio.Task[None]", asyncio.current_task()).cancelling())  # codespell:ignore


async def _beat(app: App, worker: Worker) -> None:
    """Keep the heartbeat of the worker, also while it waits for its last jobs."""
    while not _is_stopping():
        await asyncio.sleep(HEARTBEAT)
        if worker.worker_id is not None:
            await app.job_manager.update_heartbeat(worker.worker_id)


async def _tend(app: App, worker: Worker) -> None:
    """Requeue lost jobs and start what is scheduled."""
    suspects: set[int] = set()
    while not _is_stopping():
        await asyncio.sleep(HEARTBEAT)
        if worker.worker_id is None:
            continue
        # Tasks that this worker has but does not run, as their answer was lost with the connection. One that was
        # fetched or finished a moment ago is not among them twice.
        fetched = await app.job_manager.list_jobs_async(status="doing", worker_id=worker.worker_id)
        mine = {task.id for task in fetched if task.id} - {
            context.job.id
            for context in worker._running_jobs.values()  # noqa: SLF001 (it has no other list of them)
        }
        await asyncio.to_thread(_requeue_and_schedule, tuple(mine & suspects))
        suspects = mine


def _requeue_and_schedule(dropped: tuple[int, ...] = ()) -> None:
    try:
        requeue_lost(dropped)
        start_due()
    except DATABASE_ERRORS as error:
        logger.warning("Cannot look for lost and scheduled jobs: %s", type(error).__name__)
    finally:
        connections[DEFAULT_DB_ALIAS].close()
