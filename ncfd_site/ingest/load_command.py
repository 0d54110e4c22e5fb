"""What the `load_*` commands share: refused records, exit codes, sentences instead of tracebacks."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError

from ncfd_site.config.errors import UserError
from ncfd_site.core.demo_flag import is_demonstration
from ncfd_site.ingest.progress import Shown
from ncfd_site.ingest.records import InputError
from ncfd_site.ingest.rejections import Rejections, write_rejections
from ncfd_site.ingest.summary import LoadSummary

WRONG_INPUT = 2
SOME_REFUSED = 3
STOPPED = 130


class LoadCommand(BaseCommand):
    """Exit code 0: all is loaded; 3: some records were refused, the rest is loaded; 2: nothing could be loaded."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what all of them take."""
        parser.add_argument("--refused", metavar="FILE", type=Path, help="Write every refused record to a CSV file.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, and tell in one sentence what went wrong."""
        try:
            _refuse_demonstration()
            with write_rejections(options["refused"]) as refusals:
                try:
                    self.load(refusals, options)
                finally:
                    for line in refusals.lines():
                        self.stderr.write(line)
        except InputError as wrong:
            raise CommandError(str(wrong), returncode=WRONG_INPUT) from None
        except KeyboardInterrupt:
            said = "Stopped. What was loaded until here stays; run the same command again to go on."
            raise CommandError(said, returncode=STOPPED) from None
        except (OperationalError, psycopg.OperationalError, ProgrammingError) as error:
            raise CommandError(_of_database(error)) from error
        except (OSError, UserError) as error:
            raise CommandError(
                f"{str(error).rstrip('.')}. What was loaded until here stays; mend it and run the command again."
            ) from error
        if refusals.count:
            said = f"{refusals.count:,} records were refused; the rest is loaded."
            raise CommandError(said, returncode=SOME_REFUSED)

    def load(self, refusals: Rejections, options: dict[str, Any]) -> None:
        """Load what the options name. Each command has its own."""
        raise NotImplementedError

    def progress(self, paths: list[Path]) -> Shown:
        """Where the load shows how far it is."""
        return Shown(paths, sys.stderr)

    def report(self, tally: LoadSummary, verbosity: int) -> None:
        """Print what was added, changed, left and refused."""
        if verbosity:
            self.stdout.write(tally.table())


def _refuse_demonstration() -> None:
    """Raise `WrongInput` where the database holds the demonstration: real rows would pass for invented ones."""
    if is_demonstration():
        raise InputError(
            "This database holds the demonstration, and real data would stand among invented data. Load it into a"
            f" database of its own, as in `make run NCFD_HOME={settings.BASE_DIR / '.ncfd-data'} DATA=FOLDER`, or begin"
            f" anew by removing {settings.NCFD_HOME}."
        )


def _of_database(error: Exception) -> str:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "does not exist" in said:
        return f"The database is not what the loader expects ({said}): run manage.py migrate_alembic."
    return f"The database stopped the load ({said}); what was loaded until here stays, run the command again."
