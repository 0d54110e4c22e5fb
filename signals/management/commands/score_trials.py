"""Score every trial: gates from signals, probabilities of failure from gates."""

import time
from argparse import ArgumentParser
from datetime import date
from typing import Any

from ncfd_site.core.command import ReportingCommand
from ncfd_site.core.terminal_progress import TerminalReporter
from signals.scoring.run import InvalidRunError, RunSummary, score


class Command(ReportingCommand):
    """One run, in one transaction."""

    help = (
        "Score every trial by signals/scoring/scoring_table.toml. The same input gives the same rows: a second run of"
        " the same id writes nothing."
    )

    when_interrupted = "Nothing was changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which run, and as of when."""
        super().add_arguments(parser)
        parser.add_argument("--run-id", required=True, metavar="R", help="What the run is called; up to 50 characters.")
        parser.add_argument(
            "--as-of",
            metavar="DATE",
            help="Use only what was there before this day (YYYY-MM-DD, UTC), and leave the gates alone.",
        )
        parser.add_argument("--replace", action="store_true", help="Write a run that exists anew.")
        parser.add_argument("--dry-run", action="store_true", help="Reckon and tell, but change nothing.")

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Score, and tell what came of it."""
        began = time.monotonic()
        found = score(
            options["run_id"],
            as_of=_day(options["as_of"]),
            replace=options["replace"],
            dry_run=options["dry_run"],
            reporter=reporter,
        )
        if options["verbosity"]:
            self.stdout.write(_said(found, time.monotonic() - began, dry_run=options["dry_run"]))


def _day(said: str | None) -> date | None:
    if said is None:
        return None
    try:
        day = date.fromisoformat(said)
    except ValueError:
        day = None
    # Python takes 20260301 and 2026-W09-7 too.
    if day is None or day.isoformat() != said:
        raise InvalidRunError(f"--as-of {said} is no date: write YYYY-MM-DD.")
    return day


def _said(found: RunSummary, seconds: float, *, dry_run: bool) -> str:
    unscored = sum(found.unscored.values())
    phases = ", ".join(f"{phase or 'no phase'}: {count:,}" for phase, count in sorted(found.unscored.items()))
    parts = [
        f"Run {found.run_id}: {found.trials:,} trials scored, {found.written:,} scores written"
        + (f", {found.removed:,} removed" if found.removed else ""),
        f"{found.gates:,} gates changed",
        f"{unscored:,} trials not scored" + (f", their phases have no prior ({phases})" if unscored else ""),
        f"{found.unknown:,} trials without a record captured before that day" if found.unknown else "",
        f"{seconds:.1f} s",
    ]
    said = "; ".join(filter(None, parts)) + "."
    if not found.written and not found.removed and found.trials:
        said += " The run was there already, and comes to the same."
    if not found.is_current:
        said += " Another run came after it: the gates stay those of that one."
    return said + (" Nothing was changed: a dry run." if dry_run else "")
