"""Export a snapshot for analytics."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from ncfd_site.core.command import ReportingCommand
from ncfd_site.core.progress import TerminalReporter
from ncfd_site.postgres.replicas import use_replica
from storage.snapshots import describe_snapshot, export_snapshot


class Command(ReportingCommand):
    """Exports every table as of one moment."""

    help = "Write every table as of one moment as Parquet files, and a manifest with counts and hashes."
    when_interrupted = "Nothing of this snapshot is kept; run the same command again for a snapshot of a new moment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the destination."""
        parser.set_defaults(actor="")  # nothing is recorded
        parser.add_argument(
            "--to",
            default=settings.SNAPSHOT_TO,
            metavar="DIR|s3://BUCKET/PREFIX",
            help="Destination: empty, or with snapshots (default: SNAPSHOT_TO).",
        )

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Export, and print where and how much."""
        with use_replica():
            snapshot = export_snapshot(options["to"], reporter)
        reporter.end()
        self.stdout.write(describe_snapshot(snapshot, options["to"]))
