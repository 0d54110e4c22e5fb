"""`manage.py run_jobs`: the worker of background jobs."""

import os
import signal
import sys
import threading
from argparse import ArgumentParser
from typing import Any

from django.db import connection

from ncfd_site.config.errors import UserError
from ncfd_site.core import sql
from ncfd_site.core.command import SiteCommand, integer_type
from ncfd_site.jobs import worker
from ncfd_site.jobs.engine import TABLE
from ncfd_site.jobs.models import Job


class Command(SiteCommand):
    """Runs jobs until it is stopped."""

    help = "Run the background jobs that users start on the site, until stopped. Several workers can run at once."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the conditions that end the worker, and its concurrency."""
        parser.add_argument("--once", action="store_true", help="exit after at most one job")
        parser.add_argument("--until-idle", action="store_true", help="exit when no job is queued")
        parser.add_argument(
            "--concurrency",
            type=integer_type(1, 64),
            default=1,
            metavar="JOBS",
            help="jobs that run at the same time in this worker (default: 1)",
        )
        parser.add_argument("--with-parent", action="store_true", help="exit at the end of standard input")

    def work(self, options: dict[str, Any]) -> None:
        """Run jobs until a signal, or the condition of the options."""
        for table, command in ((Job._meta.db_table, "migrate_alembic"), (TABLE, "migrate")):
            if not sql.value("SELECT to_regclass(%s) IS NOT NULL", [table]):
                raise UserError(f"The database has no table {table}. Run manage.py {command}.")
        # An idle worker keeps only the connection that procrastinate polls with.
        connection.close()
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        if options["with_parent"]:
            threading.Thread(target=_stop_at_end_of_input, args=[stopping], daemon=True).start()
        worker.work(
            stopping,
            self._print_line,
            once=options["once"],
            until_idle=options["until_idle"],
            concurrency=options["concurrency"],
        )

    def _print_line(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _stop_at_end_of_input(stopping: threading.Event) -> None:
    # Not sys.stdin: this thread would hold its lock when Python exits.
    while os.read(sys.stdin.fileno(), 1):
        pass
    stopping.set()
