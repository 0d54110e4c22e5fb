"""`manage.py run_jobs`: the worker that carries out long work."""

import os
import signal
import sys
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from ncfd_site.config.errors import UserError
from ncfd_site.core import sql
from ncfd_site.jobs import worker
from ncfd_site.jobs.models import Job


class Command(BaseCommand):
    """Exits 0 when it was told to end, or has nothing more to do; 1 with a sentence where it cannot begin."""

    help = "Carry out the jobs that people start on the site, until stopped. Several may run at once."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare when to end."""
        parser.add_argument("--once", action="store_true", help="end after one job, or at once where none waits")
        parser.add_argument("--until-idle", action="store_true", help="end when no job waits")
        parser.add_argument("--with-parent", action="store_true", help="end when standard input does")

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until a signal, or the end that the options name."""
        if not sql.value("SELECT to_regclass(%s) IS NOT NULL", [Job._meta.db_table]):
            raise UserError("The database has no table of jobs yet: run `manage.py migrate_alembic` first.")
        # While it waits, a worker has the one connection that it asks with.
        connection.close()
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        if options["with_parent"]:
            threading.Thread(target=_stop_with_input, args=[stopping], daemon=True).start()
        worker.work(stopping, self._tell, once=options["once"], until_idle=options["until_idle"])

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _stop_with_input(stopping: threading.Event) -> None:
    # Not through sys.stdin: at the end of Python its lock would be held by this thread.
    while os.read(sys.stdin.fileno(), 1):
        pass
    stopping.set()
