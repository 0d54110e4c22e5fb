"""Evaluate the signals that follow from the registry record alone."""

import time
from argparse import ArgumentParser
from typing import Any

from ncfd_site.core.command import ReportingCommand
from ncfd_site.core.progress import TerminalReporter
from signals.registry_signals.evaluation import EvaluationSummary, evaluate_registry_signals


class Command(ReportingCommand):
    """S1 from the versions of a record, S7 from its latest design."""

    help = (
        "Evaluate S1 (primary endpoint changed) and S7 (single arm in phase 3) for every trial from its registry"
        " record. Signals of pipelines are kept. Repeating the command is safe."
    )
    when_interrupted = "Nothing was changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add `--dry-run`."""
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="Evaluate and report, but change nothing.")

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Evaluate S1 and S7 for all trials, and print a summary."""
        started = time.monotonic()
        summary = evaluate_registry_signals(dry_run=options["dry_run"], reporter=reporter)
        if options["verbosity"]:
            text = _describe_evaluation(summary, time.monotonic() - started)
            self.stdout.write(text + (" Dry run: nothing was changed." if options["dry_run"] else ""))


def _describe_evaluation(summary: EvaluationSummary, seconds: float) -> str:
    outcomes = "; ".join(f"{code} {outcome}: {count:,}" for (code, outcome), count in sorted(summary.outcomes.items()))
    return (
        f"{summary.trials:,} trials evaluated ({outcomes or 'none'}); {summary.written:,} signals written,"
        f" {summary.deleted:,} deleted; {summary.evaluations:,} evaluations added; {seconds:.1f} s."
    )
