"""The base class of the `load_*` commands."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import SiteCommand, fail
from ncfd_site.core.demo_flag import is_demonstration
from ncfd_site.core.progress import TerminalReporter
from ncfd_site.ingest.records import InputError, Rejections, write_rejections
from ncfd_site.ingest.runs import LoadProgress, LoadSummary


def refuse_demonstration() -> None:
    """Raise InputError if the database holds the demonstration."""
    if is_demonstration():
        raise InputError(
            "This database holds the demonstration, and real data would mix with invented data. Load it into a"
            f" database of its own, as in `make run NCFD_HOME={settings.BASE_DIR / '.ncfd-data'} DATA=FOLDER`, or"
            f" remove {settings.NCFD_HOME} to start empty."
        )


class LoadCommand(SiteCommand):
    """Loads files; rejected records are listed, and end the command with `FINDINGS`."""

    when_interrupted = "Loaded records are kept; run the same command again to resume."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add `--rejected`."""
        parser.add_argument("--rejected", metavar="FILE", type=Path, help="Write every rejected record to a CSV file.")

    def work(self, options: dict[str, Any]) -> None:
        """Load, and list the rejected records."""
        refuse_demonstration()
        with write_rejections(options["rejected"]) as rejections:
            try:
                self.load(rejections, options)
            finally:
                for line in rejections.lines():
                    self.stderr.write(line)
        if rejections.count:
            fail(f"{rejections.count:,} records were rejected; all others are loaded.", ExitCode.FINDINGS)

    def load(self, rejections: Rejections, options: dict[str, Any]) -> None:
        """Load what the options name."""
        raise NotImplementedError

    @contextmanager
    def progress(self, paths: list[Path]) -> Iterator[LoadProgress]:
        """Yield the progress of loading these files, shown on the terminal."""
        reporter = TerminalReporter(sys.stderr, "")
        try:
            yield LoadProgress(paths, reporter)
        finally:
            reporter.end()

    def report(self, summary: LoadSummary, verbosity: int) -> None:
        """Print the counts of added, changed, unchanged and rejected rows."""
        if verbosity:
            self.stdout.write(summary.table())
