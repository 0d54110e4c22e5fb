"""Mend what storage_verify finds."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import ReportingCommand, integer_type
from ncfd_site.core.progress import Canceled
from ncfd_site.core.terminal_progress import TerminalReporter
from storage.repair import MendOptions, Repair
from storage.verification import Check, VerifyOptions
from storage.verification.command import (
    checks_given,
)
from storage.verification.kept import WrongFindings, findings_in


class Command(ReportingCommand):
    """Names each change, and asks."""

    help = (
        "Run the checks of storage_verify, or read the findings that it printed. Check each finding again, list the"
        " repairs, and ask for confirmation. Each repair is recorded."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What is looked at, and who acts."""
        super().add_arguments(parser)
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--only",
            metavar="CHECK,...",
            type=checks_given,
            default=tuple(Check),
            help=f"Some of {', '.join(Check)} (all).",
        )
        source.add_argument(
            "--findings", type=Path, metavar="FILE", help="What storage_verify --json printed, instead of new checks."
        )
        parser.add_argument(
            "--young",
            type=integer_type(),
            default=60,
            metavar="MINUTES",
            help="So old may bytes be that have no row yet (%(default)s).",
        )
        parser.add_argument(
            "--keep-days",
            type=integer_type(),
            default=MendOptions().keep_days,
            metavar="N",
            help="How long bytes without a row stay (%(default)s).",
        )
        parser.add_argument("--yes", action="store_true", help="Make the changes without asking.")

    def work_with(self, control: TerminalReporter, options: dict[str, Any]) -> None:
        """Look, name, ask, mend."""
        given = MendOptions(young_minutes=options["young"], keep_days=options["keep_days"])
        with Repair(given, self.stdout.write) as repair:
            self._repair(repair, control, options)

    def _repair(self, repair: Repair, control: TerminalReporter, options: dict[str, Any]) -> None:
        if options["findings"]:
            _take(repair, options["findings"])
        else:
            repair.check(VerifyOptions(checks=options["only"], young_minutes=options["young"]), control)
        repair.name(control)
        control.end()
        if repair.progress.changes:
            _ask(repair.progress.changes, is_yes=options["yes"])
            self._mend(repair, control)
        self._conclude(repair)

    def _mend(self, repair: Repair, control: TerminalReporter) -> None:
        done = repair.progress
        try:
            repair.mend(control)
        except (Canceled, KeyboardInterrupt):
            said = f"Stopped. {done.made:,} changes are made and recorded; run the same command again to go on."
            raise CommandError(said, returncode=ExitCode.STOPPED) from None
        control.end()
        self.stdout.write(f"Made and recorded {done.made:,} of {_changes(done.changes)}.")

    def _conclude(self, repair: Repair) -> None:
        done = repair.progress
        if done.left:
            things = "1 thing is" if done.left == 1 else f"{done.left:,} things are"
            raise CommandError(f"{things} left to people: see above what to do.", returncode=ExitCode.REFUSED)
        if done.unlooked or not done.is_complete:
            why = " ".join(sorted(repair.stores.reasons.values()))
            raise CommandError(f"Not everything could be looked at. {why}", returncode=ExitCode.PARTIAL)
        if not done.changes:
            self.stdout.write("Nothing needs mending.")


def _take(repair: Repair, path: Path) -> None:
    try:
        repair.take(findings_in(path))
    except WrongFindings as wrong:
        raise CommandError(str(wrong), returncode=ExitCode.USAGE) from None
    except OSError as error:
        raise CommandError(f"The file of --findings cannot be read: {error}.", returncode=ExitCode.USAGE) from None


def _ask(number: int, *, is_yes: bool) -> None:
    if is_yes:
        return
    what = "this change" if number == 1 else f"these {_changes(number)}"
    if not sys.stdin.isatty():
        said = f"there is no terminal to ask on. With --yes the same command makes {what}."
        raise CommandError(f"Nothing was changed: {said}", returncode=ExitCode.CONSENT_NEEDED)
    try:
        answer = input(f"Make {what}? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise CommandError("Nothing was changed.", returncode=ExitCode.CONSENT_NEEDED)


def _changes(number: int) -> str:
    return "1 change" if number == 1 else f"{number:,} changes"
