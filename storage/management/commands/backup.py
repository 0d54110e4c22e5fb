"""Back up database and content."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.db import connection

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import ReportingCommand, fail, integer_type
from ncfd_site.core.progress import TerminalReporter
from ncfd_site.schema.deploy import session
from storage.backup.files import open_backups
from storage.backup.presentation import describe_backup
from storage.backup.services import take_backup


class Command(ReportingCommand):
    """Backs up to a folder or a bucket."""

    help = "Back up the database and the content of its rows as of one moment, encrypted if BACKUP_KEY is set."
    when_interrupted = "Copied content is kept; run the same command again to continue."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add destination and retention."""
        super().add_arguments(parser)
        parser.add_argument("--to", default=settings.BACKUP_TO, metavar="DIR|s3://BUCKET/PREFIX", help="Destination.")
        parser.add_argument(
            "--keep", type=integer_type(1), metavar="N", help="Delete all but the newest N backups afterwards."
        )

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Back up and print what was copied; exit with findings if some objects are missing or damaged."""
        files = open_backups(options["to"])
        parameters = session.select_libpq_keywords(connection.get_connection_params())
        result = take_backup(parameters, files, reporter, keep=options["keep"])
        reporter.end()
        self.stdout.write(describe_backup(result, is_encrypted=bool(files.key_id)))
        if result.unreadable:
            fail(
                "The backup is complete but for these objects, which the store does not have intact.", ExitCode.FINDINGS
            )
