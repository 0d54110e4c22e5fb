"""Read-only work split over processes that share one snapshot of the database."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from django.db import connection, transaction

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.core import sql
from ncfd_site.core.progress import ProgressReporter

Item = TypeVar("Item")
Result = TypeVar("Result")
# Parts for each process: with several, the processes finish at about the same time.
PARTS = 8
# A part that kills its process, such as by its memory, would do so forever.
MAX_DEATHS = 5
SERVER = ("HOST", "PORT", "NAME", "USER", "PASSWORD", "OPTIONS")


class WorkerLostError(UserError):
    """Processes died again and again."""

    exit_code = ExitCode.FAILED


def map_parts(
    work: Callable[[Item], Result], parts: Sequence[Item], name: str, workers: int, reporter: ProgressReporter
) -> Iterator[Result]:
    """Yield the results of a function of a module, in the order of the parts, from processes on the snapshot `name`.

    A part whose process is killed is done again by another one. Reports one unit of progress for each part. Raises
    WorkerLostError after `MAX_DEATHS` without a result.
    """
    context = multiprocessing.get_context("spawn")
    # A snapshot is of one server, which may be a replica.
    server = {name: connection.settings_dict[name] for name in SERVER}
    done: dict[int, Result] = {}
    following, deaths = 0, 0
    while following < len(parts):
        with ProcessPoolExecutor(workers, context, _start_process, (server,)) as pool:
            waiting: dict[Future[Result], int] = {
                pool.submit(_run_part, work, parts[number], name): number
                for number in range(following, len(parts))
                if number not in done
            }
            try:
                while waiting:
                    finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in finished:
                        done[waiting[future]] = future.result()
                        del waiting[future]
                        deaths = 0
                        reporter.advance()
                    while following in done:
                        yield done.pop(following)
                        following += 1
            except BrokenProcessPool:
                deaths += 1
                if deaths == MAX_DEATHS:
                    raise WorkerLostError(f"{deaths} processes died, the last ones without a result.") from None
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _start_process(server: Mapping[str, Any]) -> None:
    import django
    from django.conf import settings

    # The parent stops its children; without a parent, they end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_after, args=(multiprocessing.parent_process(),), daemon=True).start()
    settings.DATABASES["default"].update(server)
    django.setup()
    connection.settings_dict.update(server)


def _exit_after(parent: BaseProcess | None) -> None:
    if parent is not None:
        parent.join()
    os._exit(1)


def _run_part(work: Callable[[Item], Result], part: Item, name: str) -> Result:
    with transaction.atomic():
        sql.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        sql.execute("SET TRANSACTION SNAPSHOT %s", [name])
        # Each part would compile its statements again.
        sql.execute("SET LOCAL jit = off")
        return work(part)
