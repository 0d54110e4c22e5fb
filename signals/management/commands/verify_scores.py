"""Check every stored score and every gate."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from signals.scoring.command import DEVIATES, RunCommand, watched
from signals.scoring.verification import Looked, deviations


class Command(RunCommand):
    """Changes nothing."""

    help = (
        "Reckon every stored score anew from its own metadata, and hold every gate of today against the rules and the"
        " signals. Changes nothing. Exit codes: 0 all is as it should be, 1 could not be done, 2 usage, 3 something"
        " deviates, 130 stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which run, and how it is told."""
        parser.add_argument("--run-id", metavar="R", help="The scores of this run alone, and the gates that name it.")
        parser.add_argument("--json", action="store_true", help="A line of JSON for each deviation, then the summary.")

    def work(self, options: dict[str, Any]) -> None:
        """Check, and name each deviation."""
        looked, count = Looked(), 0
        for one in deviations(
            looked, options["run_id"], watch=lambda rows, total: watched(rows, unit=" rows", total=total)
        ):
            count += 1
            self.stdout.write(json.dumps(asdict(one)) if options["json"] else one.sentence)
        if options["json"]:
            self.stdout.write(json.dumps({"summary": {**asdict(looked), "deviations": count}}))
        elif options["verbosity"]:
            stale = f" {looked.stale:,} gates are stale: signals came after them." if looked.stale else ""
            self.stdout.write(f"{looked.scores:,} scores and {looked.gates:,} gates looked at.{stale}")
        if count:
            raise CommandError(f"{count:,} values deviate.", returncode=DEVIATES)
        if options["verbosity"] and not options["json"]:
            self.stdout.write("Nothing deviates.")
