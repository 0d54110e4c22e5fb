"""Revert a load of tickers or aliases."""

from argparse import ArgumentParser
from typing import Any

from ncfd_site.core.command import ReportingCommand, integer_type
from ncfd_site.core.progress import TerminalReporter
from securities.loading.reverting import revert_load


class Command(ReportingCommand):
    """Deletes the rows that a load added, and restores those that it changed, in one transaction."""

    help = "Revert a load of load_sec_tickers or load_aliases, unless a later one builds on it."
    when_interrupted = "Nothing was changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the run."""
        super().add_arguments(parser)
        parser.add_argument("run_id", type=integer_type(1, 2**31 - 1), help="The run, as in ingest_runs.")

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Revert the load, and print the number of rows of each table."""
        for table, count in revert_load(options["run_id"], actor=reporter.actor).items():
            if count and options["verbosity"]:
                self.stdout.write(f"{table}: {count:,} rows as before")
