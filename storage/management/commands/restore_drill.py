"""Restore a backup into a scratch server and verify it."""

from argparse import ArgumentParser
from typing import Any

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import ReportingCommand, fail
from ncfd_site.core.progress import TerminalReporter
from storage.backup.drill import run_drill
from storage.backup.files import open_backups
from storage.backup.presentation import describe_drill
from storage.management.commands.restore import add_source


class Command(ReportingCommand):
    """Restores, verifies and deletes."""

    help = (
        "Restore the newest backup into a scratch server in the folder for temporary files, verify schema, scores and"
        " storage, and delete it."
    )
    when_interrupted = "The site and the backup are unchanged."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the source."""
        super().add_arguments(parser)
        add_source(parser)

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Run the drill and print its results."""
        result = run_drill(open_backups(options["source"]), reporter)
        reporter.end()
        self.stdout.write(describe_drill(result))
        if failed := [check.name for check in result.checks if check.exit_code]:
            fail(f"Restored, but verification failed: {', '.join(failed)}.", ExitCode.FINDINGS)
