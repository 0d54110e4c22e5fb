"""The base class of management commands: one table of exit codes, one progress reporter, no tracebacks."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any, NoReturn

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError
from psycopg.errors import ReadOnlySqlTransaction

from ncfd_site.config.errors import ExitCode, UserError
from ncfd_site.core.progress import Canceled, TerminalReporter, terminal_reporter

STDOUT = 1


class SiteCommand(BaseCommand):
    """A command that does its work in `work` and exits with an `ExitCode`.

    `when_interrupted` states what an interrupted run leaves behind; it ends the message of each failure.
    """

    when_interrupted = "Finished work is kept; run the same command again to resume."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Add the exit codes to the help."""
        codes = ", ".join(f"{code.value} {code.name.lower().replace('_', ' ')}" for code in ExitCode)
        return super().create_parser(prog_name, subcommand, epilog=f"Exit codes: {codes}.", **kwargs)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run `work`; turn errors into one sentence and an exit code."""
        try:
            self.work(options)
        except UserError as error:
            after = f" {self.when_interrupted}" if error.exit_code is ExitCode.FAILED else ""
            raise CommandError(f"{error}{after}", returncode=error.exit_code) from error
        except (Canceled, KeyboardInterrupt):
            fail(f"Stopped. {self.when_interrupted}", ExitCode.STOPPED)
        except BrokenPipeError:
            # The reader has seen enough (| head). What is left in the buffer has no reader either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
            sys.exit(ExitCode.NO_READER)
        except (DatabaseError, InterfaceError, psycopg.Error) as error:
            is_read_only = isinstance(error.__cause__ or error, ReadOnlySqlTransaction)
            code = ExitCode.UNUSABLE_CONNECTION if is_read_only else ExitCode.FAILED
            raise CommandError(self._describe_database_error(error), returncode=code) from error
        except OSError as error:
            raise CommandError(
                f"{str(error).rstrip('.')}. Correct the cause. {self.when_interrupted}", returncode=ExitCode.FAILED
            ) from error

    def work(self, options: dict[str, Any]) -> None:
        """Run the command, as each command defines."""
        raise NotImplementedError

    def _describe_database_error(self, error: Exception) -> str:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "does not exist" in reason:
            return f"The database lacks what this command needs ({reason}). Run manage.py migrate_alembic."
        if isinstance(error.__cause__ or error, ReadOnlySqlTransaction):
            return f"The database is read-only, as a standby is ({reason}). Set DATABASE_URL to the primary."
        if "conflict with recovery" in reason:
            reason += "; hot_standby_feedback = on on the standby prevents most of these conflicts"
        return f"The database stopped the command ({reason}). {self.when_interrupted}"


class ReportingCommand(SiteCommand):
    """A command that shows progress on the terminal and records who acts."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add `--actor`."""
        parser.add_argument(
            "--actor",
            default="",
            metavar="NAME",
            help="Username for the record (default: the operating system's user).",
        )

    def work(self, options: dict[str, Any]) -> None:
        """Run `work_with` with a reporter that Ctrl-C or SIGTERM stops at the next safe point."""
        with terminal_reporter(sys.stderr, actor=options["actor"]) as reporter:
            self.work_with(reporter, options)

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Run the command, as each command defines, with a progress reporter."""
        raise NotImplementedError


def fail(message: str, exit_code: ExitCode) -> NoReturn:
    """End the command with a message and an exit code."""
    raise CommandError(message, returncode=exit_code) from None


def integer_type(minimum: int = 0, maximum: int | None = None) -> Callable[[str], int]:
    """Return an argparse type for an integer in a range, both ends included."""

    def parse(text: str) -> int:
        number = int(text)
        if number < minimum or (maximum is not None and number > maximum):
            raise ValueError
        return number

    # argparse names the type in its error: "invalid integer from 1 to 100 value".
    parse.__name__ = f"integer from {minimum} to {maximum}" if maximum is not None else f"integer of at least {minimum}"
    return parse
