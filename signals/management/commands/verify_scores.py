"""Verify stored scores and gates."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import ReportingCommand, fail, integer_type
from ncfd_site.core.formatting import format_quantity
from ncfd_site.core.progress import TerminalReporter
from ncfd_site.postgres.replicas import use_replica
from signals.scoring.verification import VerificationCounts, find_mismatches


class Command(ReportingCommand):
    """Print each mismatch; read-only."""

    help = (
        "Recompute stored scores from their own metadata and verify the current gates against rules and signals."
        " Changes nothing."
    )
    when_interrupted = "Nothing was changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the run and the output format."""
        super().add_arguments(parser)
        parser.add_argument("--run-id", metavar="RUN", help="Verify only the scores and gates of this run.")
        parser.add_argument(
            "--workers", type=integer_type(1, 64), default=1, metavar="N", help="Processes (default: %(default)s)."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON line per mismatch, then a summary.")

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Verify scores and gates, and print mismatches and a summary; mismatches end with an exit code."""
        counts, mismatch_count = VerificationCounts(), 0
        with use_replica():
            for mismatch in find_mismatches(counts, options["run_id"], workers=options["workers"], reporter=reporter):
                mismatch_count += 1
                self.stdout.write(json.dumps(asdict(mismatch)) if options["json"] else mismatch.sentence)
        if options["json"]:
            self.stdout.write(json.dumps({"summary": {**asdict(counts), "mismatches": mismatch_count}}))
        elif options["verbosity"]:
            stale = (
                f" {format_quantity(counts.stale, 'stale gate')}: the signals changed later." if counts.stale else ""
            )
            scores, gates = format_quantity(counts.scores, "score"), format_quantity(counts.gates, "gate")
            self.stdout.write(f"Verified {scores} and {gates}.{stale}")
        if mismatch_count:
            fail(f"{format_quantity(mismatch_count, 'mismatch', 'mismatches')}.", ExitCode.FINDINGS)
        if options["verbosity"] and not options["json"]:
            self.stdout.write("No mismatches.")
