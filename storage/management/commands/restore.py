"""Restore a backup into a fresh database."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from ncfd_site.config.errors import ConfigurationError, ExitCode
from ncfd_site.core.command import ReportingCommand, fail
from ncfd_site.core.progress import TerminalReporter
from ncfd_site.schema.deploy import revisions
from storage.backup.files import open_backups
from storage.backup.presentation import describe_check, describe_manifest
from storage.backup.restore import RestoreOptions, find_backup, restore, run_checks, verify_backup


class Command(ReportingCommand):
    """Restores and verifies."""

    help = "Restore a backup into a fresh database and verify schema, scores and storage."
    when_interrupted = "The database is as before; run the same command again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add source and target."""
        super().add_arguments(parser)
        add_source(parser)
        parser.add_argument("--backup", default="", metavar="NAME", help="Which backup (default: the newest).")
        parser.add_argument("--into", required=True, metavar="DATABASE_URL", help="A new or empty database.")
        parser.add_argument(
            "--content",
            default="",
            metavar="DIR|s3://BUCKET/PREFIX",
            help="Where all content goes (default: the stores of the site, by the address of each object).",
        )
        parser.add_argument("--overwrite", action="store_true", help="Replace the database if it exists.")
        parser.add_argument("--no-privileges", action="store_true", help="Restore no grants.")

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Verify the backup, restore it, verify the result."""
        target = RestoreOptions(
            into=_parse_url(options["into"]),
            content=options["content"],
            overwrite=options["overwrite"],
            with_privileges=not options["no_privileges"],
        )
        files = open_backups(options["source"])
        manifest = find_backup(files, options["backup"])
        verify_backup(files, manifest, reporter)
        restore(files, manifest, target, reporter)
        reporter.end()
        self.stdout.write(f"Restored {describe_manifest(manifest)}")
        failed: list[str] = []
        for check in run_checks(manifest, target):
            self.stdout.write(describe_check(check))
            failed += [check.name] if check.exit_code else []
        if failed:
            fail(f"Restored, but verification failed: {', '.join(failed)}.", ExitCode.FINDINGS)
        if manifest.database.revision != revisions.head():
            fail(
                "Run migrate, migrate_alembic, verify_scores and storage_verify on the restored database.",
                ExitCode.PARTIAL,
            )


def add_source(parser: ArgumentParser) -> None:
    """Add the place of the backups."""
    parser.add_argument(
        "--from",
        dest="source",
        default=settings.BACKUP_TO,
        metavar="DIR|s3://BUCKET/PREFIX",
        help="Where the backups are (default: BACKUP_TO).",
    )


def _parse_url(text: str) -> dict[str, Any]:
    try:
        parameters: dict[str, Any] = conninfo_to_dict(text)
    except ProgrammingError:
        parameters = {}
    if not parameters.get("dbname"):
        raise ConfigurationError("--into is not the URL of a database: postgresql://USER:PASSWORD@HOST:PORT/DATABASE.")
    return parameters
