"""Parts of a job, executed by all workers.

The worker that runs the job makes the parts, and tasks by which other workers join in; it works on parts too. A part
is claimed by the lock of its row, which the server frees as soon as its worker is killed, and is then claimed again.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import takewhile
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists
from psycopg.types.json import Jsonb

from ncfd_site.core import sql
from ncfd_site.core.progress import ProgressReporter
from ncfd_site.jobs.engine import find_priority
from ncfd_site.jobs.execution import DATABASE_ERRORS, own_connection
from ncfd_site.jobs.job_types import find_job_type
from ncfd_site.jobs.models import Job, JobPart
from ncfd_site.jobs.reporter import JobReporter, Requeued

logger = logging.getLogger(__name__)
Json = Mapping[str, Any]

TASK = "run_parts"
# Most workers that join in, and seconds after which one gives way to jobs of a higher priority.
MAX_HELPERS = 32
TURN = 5.0
# Seconds between two looks for parts that other workers finish, and parts that are read at a time.
PAUSE = 0.1
BATCH = 100

DEFER = """
    SELECT procrastinate_defer_jobs_v1(array_agg(
        (%(kind)s, %(task)s, %(priority)s, NULL, NULL, %(arguments)s, NULL)::procrastinate_job_to_defer_v1))
    FROM generate_series(1, %(count)s)
"""
# The lock is held while the part is worked on: the server notices a lost machine within half a minute, and a worker
# that hangs loses it after an hour.
SETTINGS = """
    SELECT set_config(name, value, true) FROM (VALUES
        ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '4'),
        ('idle_in_transaction_session_timeout', '1h')) AS settings (name, value)
"""


def run_parts(reporter: ProgressReporter, parts: Sequence[Json], *, snapshot: str = "") -> Iterator[tuple[Json, Json]]:
    """Yield each part and its result, in order; `run_part` of the job type computes it, in any worker.

    With the name of an exported `snapshot`, which the transaction of the caller holds, all parts read that. Without,
    a restarted job keeps its parts and finished results, and `parts` is ignored.
    """
    if not isinstance(reporter, JobReporter):
        raise TypeError("Only a background job has parts.")
    job, last = reporter.job, 0
    with own_connection("parts") as own:
        _create_parts(job, parts, snapshot, own)
        own_parts = JobPart.objects.using(own).filter(job_id=job.pk)
        is_complete = False
        while not is_complete:
            is_idle = not _run_next_part(job.pk, job.kind, own)
            batch = list(own_parts.filter(part_id__gt=last).order_by("part_id")[:BATCH])
            finished = list(takewhile(lambda part: part.result is not None, batch))
            for part in finished:
                last = part.pk
                yield part.arguments, part.result or {}
            is_complete = len(finished) == len(batch) < BATCH
            reporter.advance(len(finished))
            if is_idle and not finished:
                time.sleep(PAUSE)
        own_parts.delete()


def join_in(job_id: int, kind: str, stopping: threading.Event) -> None:
    """Work on parts of a job until none is left; raises `Requeued` after a turn, or when the worker stops."""
    end = time.monotonic() + TURN
    try:
        with own_connection("parts") as own:
            while _run_next_part(job_id, kind, own):
                if stopping.is_set() or time.monotonic() > end:
                    break
            else:
                return
    except DATABASE_ERRORS:
        raise
    # Broad: the worker of the job runs the part too, and reports its error.
    except Exception:
        logger.exception("A part of job %s failed, or its job was stopped.", job_id)
        return
    finally:
        connection.close()
    raise Requeued


def _create_parts(job: Job, parts: Sequence[Json], snapshot: str, own: str) -> None:
    with transaction.atomic(using=own):
        existing = JobPart.objects.using(own).filter(job_id=job.pk)
        if snapshot:
            existing.delete()
        if not existing.exists():
            JobPart.objects.using(own).bulk_create(
                JobPart(job_id=job.pk, arguments=dict(part), snapshot=snapshot) for part in parts
            )
        values = {"kind": job.kind, "task": TASK, "priority": find_priority(job.kind)}
        arguments = Jsonb({"job_id": job.pk, "kind": job.kind})
        count = min(existing.filter(result__isnull=True).count() - 1, MAX_HELPERS)
        sql.execute(DEFER, {**values, "arguments": arguments, "count": count}, using=own)


def _run_next_part(job_id: int, kind: str, own: str) -> bool:
    """Run a part that no worker runs; return whether there was one."""
    run_part = find_job_type(kind).run_part
    if run_part is None:
        raise TypeError(f"Jobs of type {kind} have no parts.")
    running = Job.objects.filter(pk=job_id, state=Job.State.RUNNING, canceled_at=None)
    waiting = JobPart.objects.using(own).filter(Exists(running), job_id=job_id, result__isnull=True)
    with transaction.atomic(using=own):
        sql.execute(SETTINGS, using=own)
        part = waiting.select_for_update(skip_locked=True).order_by("part_id").first()
        if part is not None:
            with ExitStack() as stack:
                if part.snapshot and not connection.in_atomic_block:
                    stack.enter_context(transaction.atomic())
                    sql.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    sql.execute("SET TRANSACTION SNAPSHOT %s", [part.snapshot])
                part.result = run_part(part.arguments)
            part.save(update_fields=["result"])
    return part is not None
