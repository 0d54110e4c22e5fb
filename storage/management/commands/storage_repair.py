"""Repair the findings of storage_verify."""

import sys
from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path
from typing import Any

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import ReportingCommand, fail, integer_type
from ncfd_site.core.formatting import format_quantity
from ncfd_site.core.progress import Canceled, TerminalReporter
from storage.repair import RepairOptions, RepairSession
from storage.verification import VerifyOptions
from storage.verification.findings_io import read_findings
from storage.verification.options import add_check_argument, add_min_age_argument


class Command(ReportingCommand):
    """Lists repairs, asks for confirmation, and makes them."""

    help = (
        "Run the checks of storage_verify, or read the findings that it printed. Check each finding again, list the"
        " repairs, and ask for confirmation. Each repair is recorded."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the source of findings, the retention and the confirmation."""
        super().add_arguments(parser)
        source = parser.add_mutually_exclusive_group()
        add_check_argument(source)
        source.add_argument(
            "--findings",
            type=Path,
            metavar="FILE",
            help="Read findings from the output of storage_verify --json instead.",
        )
        add_min_age_argument(parser)
        parser.add_argument(
            "--retention-days",
            type=integer_type(),
            default=RepairOptions().retention_days,
            metavar="N",
            help="Keep the data of orphans for this long (default: %(default)s).",
        )
        parser.add_argument("--yes", action="store_true", help="Repair without asking for confirmation.")

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Collect findings, list repairs, ask, repair."""
        limits = RepairOptions(min_age_minutes=options["min_age"], retention_days=options["retention_days"])
        with closing(RepairSession(limits, self.stdout.write)) as session:
            if options["findings"]:
                try:
                    session.add_findings(read_findings(options["findings"]))
                except OSError as error:
                    fail(f"Cannot read the file of --findings: {error}.", ExitCode.USAGE)
            else:
                session.verify(VerifyOptions(checks=options["only"], min_age_minutes=options["min_age"]), reporter)
            session.propose(reporter)
            reporter.end()
            if session.counts.proposed:
                _require_confirmation(session.counts.proposed, is_yes=options["yes"])
                self._run_repairs(session, reporter)
            self._report_or_fail(session)

    def _run_repairs(self, session: RepairSession, reporter: TerminalReporter) -> None:
        counts = session.counts
        try:
            session.repair(reporter)
        except (Canceled, KeyboardInterrupt):
            repaired = format_quantity(counts.repaired, "repair")
            fail(f"Stopped after {repaired}. Run the same command again to resume.", ExitCode.STOPPED)
        reporter.end()
        self.stdout.write(f"Made {counts.repaired:,} of {format_quantity(counts.proposed, 'repair')}.")

    def _report_or_fail(self, session: RepairSession) -> None:
        counts = session.counts
        if counts.manual:
            actions = format_quantity(counts.manual, "manual action")
            fail(f"{actions} required, listed above.", ExitCode.REFUSED)
        if counts.skipped or not counts.is_complete:
            reasons = " ".join(sorted(session.stores.failure_reasons.values()))
            fail(f"Some checks were skipped. {reasons}", ExitCode.PARTIAL)
        if not counts.proposed:
            self.stdout.write("Nothing to repair.")


def _require_confirmation(count: int, *, is_yes: bool) -> None:
    if is_yes:
        return
    repairs = format_quantity(count, "repair")
    if not sys.stdin.isatty():
        fail(f"Nothing was changed. Use --yes to make {repairs} without a terminal.", ExitCode.CONSENT_NEEDED)
    try:
        answer = input(f"Make {repairs}? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        fail("Not confirmed. Nothing was changed.", ExitCode.CONSENT_NEEDED)
