"""Score all trials."""

import time
from argparse import ArgumentParser
from datetime import date
from typing import Any

from ncfd_site.core.command import ReportingCommand
from ncfd_site.core.progress import TerminalReporter
from signals.scoring.run import InvalidRunError, RunSummary, score_trials


class Command(ReportingCommand):
    """One run in one transaction."""

    help = (
        "Evaluate the gates of every trial and compute its probability of failure by"
        " signals/scoring/scoring_table.toml. Repeating a run with the same input writes nothing."
    )
    when_interrupted = "Nothing was changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the run, its date and how it is written."""
        super().add_arguments(parser)
        parser.add_argument("--run-id", required=True, metavar="RUN", help="Name of the run, up to 50 characters.")
        parser.add_argument(
            "--as-of",
            metavar="DATE",
            help="Backtest: use only what was known before this day (YYYY-MM-DD, UTC); gates are not changed.",
        )
        parser.add_argument("--replace", action="store_true", help="Overwrite an existing run.")
        parser.add_argument("--dry-run", action="store_true", help="Score and report, but change nothing.")

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Score the trials, and print a summary."""
        started = time.monotonic()
        summary = score_trials(
            options["run_id"],
            as_of=_parse_day(options["as_of"]),
            replace=options["replace"],
            dry_run=options["dry_run"],
            reporter=reporter,
        )
        if options["verbosity"]:
            self.stdout.write(_describe_run(summary, time.monotonic() - started, dry_run=options["dry_run"]))


def _parse_day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    # fromisoformat also accepts 20260301 and 2026-W09-7.
    if day is None or day.isoformat() != text:
        raise InvalidRunError(f"--as-of {text} is not a date. Write YYYY-MM-DD.")
    return day


def _describe_run(summary: RunSummary, seconds: float, *, dry_run: bool) -> str:
    unscored = sum(summary.unscored.values())
    phases = ", ".join(f"{phase or 'no phase'}: {count:,}" for phase, count in sorted(summary.unscored.items()))
    parts = [
        f"Run {summary.run_id}: {summary.trials:,} trials scored, {summary.written:,} scores written"
        + (f", {summary.removed:,} removed" if summary.removed else ""),
        f"{summary.gates:,} gates changed",
        f"{unscored:,} trials not scored" + (f", no prior for their phase ({phases})" if unscored else ""),
        f"{summary.excluded:,} trials without a record captured before that day" if summary.excluded else "",
        f"{seconds:.1f} s",
    ]
    text = "; ".join(filter(None, parts)) + "."
    if not summary.written and not summary.removed and summary.trials:
        text += " The run exists with the same results."
    if not summary.is_current:
        text += " A later run owns the gates; they were not changed."
    return text + (" Dry run: nothing was changed." if dry_run else "")
