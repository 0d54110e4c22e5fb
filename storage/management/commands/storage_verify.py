"""Check content: counts, owners, bytes, hashes, orphans."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import connection

from ncfd_site.core.progress import Cancelled
from ncfd_site.core.terminal_progress import STOPPED, TerminalReporter
from storage.operating import ContentCommand
from storage.verification import (
    Check,
    Finding,
    Summary,
    VerifyOptions,
    verify,
)
from storage.verification.command import (
    INCOMPLETE,
    USAGE,
    WRONG,
    checks_given,
    number_given,
    share_given,
)
from storage.verification.report import summary_lines, verdict
from storage.verification.state import StateFile, WrongState


class Command(ContentCommand):
    """Changes nothing."""

    help = (
        "Look whether counts are the number of references, owners exist, bytes are there, as many as their row says and"
        " with their hash, and whether something lies there that nothing names. Changes nothing. Exit codes: 0 nothing"
        " is wrong, 1 not everything could be checked, 2 usage, 3 something is wrong, 130 stopped."
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
            type=number_given,
            default=60,
            metavar="MINUTES",
            help="So old may bytes be that have no row yet (%(default)s).",
        )
        parser.add_argument(
            "--state", type=Path, metavar="FILE", help="Keep how far it is: the same command goes on after a stop."
        )
        parser.add_argument("--json", action="store_true", help="A line of JSON for each finding, then the summary.")

    def work(self, control: TerminalReporter, options: dict[str, Any]) -> None:
        """Check, and tell."""
        self.is_json, state = options["json"], options["state"]
        given = VerifyOptions(
            checks=options["only"], sample=options["sample"], seed=options["seed"], young_minutes=options["young"]
        )
        try:
            summary = self._goes_on(given, control, state) if state else verify(given, control, self._tell)
        except (Cancelled, KeyboardInterrupt):
            said = "The same command goes on from there." if state else "With --state FILE it could be gone on with."
            raise CommandError(f"Stopped. {said}", returncode=STOPPED) from None
        except OSError as error:
            raise CommandError(f"The file of --state cannot be used: {error}.", returncode=INCOMPLETE) from error
        control.end()
        self._conclude(summary, options["verbosity"])

    def _goes_on(self, options: VerifyOptions, control: TerminalReporter, path: Path) -> Summary:
        try:
            state = StateFile(path, {"options": options.as_json(), "database": _database()}, control)
        except WrongState as wrong:
            raise CommandError(str(wrong), returncode=USAGE) from None

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
            raise CommandError(said, returncode=WRONG if summary.findings else INCOMPLETE)
        if verbosity and not self.is_json:
            self.stdout.write("Nothing is wrong.")


def _database() -> str:
    return f"{connection.settings_dict['HOST'] or 'embedded'}/{connection.settings_dict['NAME']}"
