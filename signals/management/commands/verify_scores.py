"""Check every stored score and every gate."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import ReportingCommand, fail
from ncfd_site.core.terminal_progress import TerminalReporter
from signals.scoring.verification import VerificationCounts, find_mismatches


class Command(ReportingCommand):
    """Changes nothing."""

    help = (
        "Reckon every stored score anew from its own metadata, and hold every gate of today against the rules and the"
        " signals. Changes nothing."
    )

    when_interrupted = "Nothing was changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which run, and how it is told."""
        super().add_arguments(parser)
        parser.add_argument("--run-id", metavar="R", help="The scores of this run alone, and the gates that name it.")
        parser.add_argument("--json", action="store_true", help="A line of JSON for each deviation, then the summary.")

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Check, and name each deviation."""
        looked, count = VerificationCounts(), 0
        for one in find_mismatches(looked, options["run_id"], reporter=reporter):
            count += 1
            self.stdout.write(json.dumps(asdict(one)) if options["json"] else one.sentence)
        if options["json"]:
            self.stdout.write(json.dumps({"summary": {**asdict(looked), "deviations": count}}))
        elif options["verbosity"]:
            stale = f" {looked.stale:,} gates are stale: signals came after them." if looked.stale else ""
            self.stdout.write(f"{looked.scores:,} scores and {looked.gates:,} gates looked at.{stale}")
        if count:
            fail(f"{count:,} values deviate.", ExitCode.FINDINGS)
        if options["verbosity"] and not options["json"]:
            self.stdout.write("Nothing deviates.")
