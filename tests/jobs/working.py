"""A worker in a process of its own: `python -m tests.jobs.working DATABASE`, with the kinds of the tests.

It prints the log of the worker and stops when its standard input closes or on a signal.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import django
from django.conf import settings
from django.db import connections


def database_url() -> str:
    """The database of the tests, as DATABASE_URL names it."""
    where = connections["default"].get_connection_params()
    return f"postgresql://{where['user']}@/{where['dbname']}?host={quote(str(where['host']), safe='')}"


@contextmanager
def worker_process() -> Iterator[subprocess.Popen[str]]:
    """Start one on the database of the tests; it is gone after the block."""
    database = connections["default"].settings_dict["NAME"]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.working", database],
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def main(database: str) -> None:
    """Work until stopped."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ncfd_site.settings")
    django.setup()
    from ncfd_site.jobs import worker
    from tests.jobs import counting

    connections["default"].settings_dict["NAME"] = database
    counting.register_all()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    worker.work(stopping, lambda line: print(line, flush=True))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
