"""Check content: counts, owners, bytes, hashes, orphans."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import connection

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import ReportingCommand, integer_type
from ncfd_site.core.progress import Canceled
from ncfd_site.core.terminal_progress import TerminalReporter
from storage.verification import (
    Check,
    Finding,
    Summary,
    VerifyOptions,
    verify,
)
from storage.verification.command import (
    checks_given,
    share_given,
)
from storage.verification.report import summary_lines, verdict
from storage.verification.state import StateFile, WrongState


class Command(ReportingCommand):
    """Changes nothing."""

    help = (
        "Check that counts match references, that referrers exist, that data is present with its size and hash, and"
        " that nothing is stored without a row. Changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What is checked, how much of it, and where to go on."""
        parser.set_defaults(actor="")  # nobody acts
        parser.add_argument(
            "--only",
            metavar="CHECK,...",
            type=checks_given,
            default=tuple(Check),
            help=f"Some of {', '.join(Check)} (all).",
        )
        parser.add_argument(
            "--sample",
            metavar="SHARE",
            type=share_given,
            default=1.0,
            help="Bytes and hashes of this share of the rows alone, as in 5%%.",
        )
        parser.add_argument("--seed", type=int, default=0, metavar="N", help="Another sample for another N (0).")
        parser.add_argument(
            "--young",
            type=integer_type(),
            default=60,
            metavar="MINUTES",
            help="So old may bytes be that have no row yet (%(default)s).",
        )
        parser.add_argument(
            "--state", type=Path, metavar="FILE", help="Keep how far it is: the same command goes on after a stop."
        )
        parser.add_argument("--json", action="store_true", help="A line of JSON for each finding, then the summary.")

    def work_with(self, control: TerminalReporter, options: dict[str, Any]) -> None:
        """Check, and tell."""
        self.is_json, state = options["json"], options["state"]
        given = VerifyOptions(
            checks=options["only"], sample=options["sample"], seed=options["seed"], young_minutes=options["young"]
        )
        try:
            summary = self._goes_on(given, control, state) if state else verify(given, control, self._tell)
        except (Canceled, KeyboardInterrupt):
            said = "The same command goes on from there." if state else "With --state FILE it could be gone on with."
            raise CommandError(f"Stopped. {said}", returncode=ExitCode.STOPPED) from None
        except OSError as error:
            raise CommandError(f"The file of --state cannot be used: {error}.", returncode=ExitCode.PARTIAL) from error
        control.end()
        self._conclude(summary, options["verbosity"])

    def _goes_on(self, options: VerifyOptions, control: TerminalReporter, path: Path) -> Summary:
        try:
            state = StateFile(path, {"options": options.as_json(), "database": _database()}, control)
        except WrongState as wrong:
            raise CommandError(str(wrong), returncode=ExitCode.USAGE) from None

        def tell(finding: Finding) -> None:
            state.tell(finding)
            self._tell(finding)

        with state:
            for finding in state.findings():
                self._tell(finding)
            summary = verify(options, state, tell)
        state.remove()
        return summary

    def _tell(self, finding: Finding) -> None:
        self.stdout.write(json.dumps(finding.as_json()) if self.is_json else f"{finding.kind}: {finding.sentence}")

    def _conclude(self, summary: Summary, verbosity: int) -> None:
        if self.is_json:
            self.stdout.write(json.dumps({"summary": summary.as_json()}))
        elif verbosity:
            self.stdout.write("\n".join(summary_lines(summary)))
        if said := verdict(summary):
            raise CommandError(said, returncode=ExitCode.FINDINGS if summary.findings else ExitCode.PARTIAL)
        if verbosity and not self.is_json:
            self.stdout.write("Nothing is wrong.")


def _database() -> str:
    return f"{connection.settings_dict['HOST'] or 'embedded'}/{connection.settings_dict['NAME']}"
