"""Fire the signals that the registry alone decides."""

import time
from argparse import ArgumentParser
from typing import Any

from ncfd_site.core.command import ReportingCommand
from ncfd_site.core.terminal_progress import TerminalReporter
from signals.registry_signals.evaluation import EvaluationSummary, evaluate_registry_signals


class Command(ReportingCommand):
    """S1 from the versions of a record, S7 from the design that its latest version states."""

    help = (
        "Evaluate S1 (primary endpoint changed) and S7 (single arm in phase 3) for every trial from its registry"
        " record. Signals of pipelines stay as they are. May be run again."
    )

    when_interrupted = "Nothing was changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether anything is written."""
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="Evaluate and tell, but change nothing.")

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Evaluate, and tell what came of it."""
        began = time.monotonic()
        done = evaluate_registry_signals(
            dry_run=options["dry_run"],
            reporter=reporter,
        )
        if options["verbosity"]:
            self.stdout.write(_said(done, time.monotonic() - began, dry_run=options["dry_run"]))


def _said(done: EvaluationSummary, seconds: float, *, dry_run: bool) -> str:
    outcomes = "; ".join(f"{code} {outcome}: {count:,}" for (code, outcome), count in sorted(done.outcomes.items()))
    return (
        f"{done.trials:,} trials evaluated ({outcomes or 'none'}); {done.written:,} signals written,"
        f" {done.taken_back:,} taken back, {done.evaluations:,} evaluations added; {seconds:.1f} s."
        + (" Nothing was changed: a dry run." if dry_run else "")
    )
