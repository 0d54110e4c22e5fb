"""What the `storage_*` commands share: who acts, how far they are, exit codes, sentences instead of tracebacks."""

import sys
from argparse import ArgumentParser
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, ProgrammingError

from ncfd_site.config.errors import DatabaseUnavailable, UserError
from ncfd_site.core.progress import Cancelled
from ncfd_site.core.terminal_progress import STOPPED, TerminalReporter, on_terminal
from storage.content import ContentError

FAILED = 1
REFUSED = 3


class ContentCommand(BaseCommand):
    """Exit code 0: done; 1: the database or a store stopped it; 2: wrong usage; 3: refused, or something is left."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what all of them take."""
        parser.add_argument(
            "--actor", default="", metavar="NAME", help="Who acts, for the record (the user of the OS)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do the work, and tell in one sentence what went wrong."""
        try:
            with on_terminal(sys.stderr, actor=options["actor"]) as control:
                self.work(control, options)
        except (Cancelled, KeyboardInterrupt):
            said = "Stopped. What was done until here stays; run the same command again to go on."
            raise CommandError(said, returncode=STOPPED) from None
        except ContentError as error:
            raise CommandError(f"{error} What was done until here stays.", returncode=FAILED) from None
        except DatabaseUnavailable as refusal:
            raise CommandError(str(refusal), returncode=FAILED) from None
        except UserError as refusal:
            raise CommandError(str(refusal), returncode=REFUSED) from None
        except (OperationalError, InterfaceError, ProgrammingError, psycopg.OperationalError) as error:
            raise CommandError(_of_database(error), returncode=FAILED) from None

    def work(self, control: TerminalReporter, options: dict[str, Any]) -> None:
        """Do what the options say. Each command has its own."""
        raise NotImplementedError


def whole(text: str) -> int:
    """A whole number of at least 0, as an argument."""
    number = int(text)
    if number < 0:
        raise ValueError
    return number


whole.__name__ = "whole number"  # what argparse calls it


def _of_database(error: Exception) -> str:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "does not exist" in said:
        return f"The database is not what this command expects ({said}): run manage.py migrate_alembic."
    return f"The database stopped the work ({said}); what was done until here stays, run the command again."
