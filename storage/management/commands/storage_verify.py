"""Verify the content store."""

import json
from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import ReportingCommand, fail
from ncfd_site.core.progress import Canceled, TerminalReporter
from ncfd_site.postgres.replicas import use_replica
from storage.verification import Finding, Summary, VerifyOptions, verify
from storage.verification.findings_io import StateFile
from storage.verification.options import add_check_argument, add_min_age_argument, parse_share
from storage.verification.run import describe_errors, format_summary


class Command(ReportingCommand):
    """Runs the checks and prints their findings; changes nothing."""

    help = (
        "Check that counts match references, that referrers exist, that data is present with its size and hash, and"
        " that nothing is stored without a row. Changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the checks, the sample and the output."""
        parser.set_defaults(actor="")  # nothing is recorded
        add_check_argument(parser)
        parser.add_argument(
            "--sample",
            metavar="SHARE",
            type=parse_share,
            default=1.0,
            help="Check presence and hashes of this share of the objects, such as 5%% (default: all).",
        )
        parser.add_argument(
            "--seed", type=int, default=0, metavar="N", help="Select another sample (default: %(default)s)."
        )
        add_min_age_argument(parser)
        parser.add_argument(
            "--state", type=Path, metavar="FILE", help="Save the progress; the same command resumes after a stop."
        )
        parser.add_argument("--json", action="store_true", help="Print each finding, then the summary, as a JSON line.")

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Verify, and print findings and summary."""
        self.is_json, state = options["json"], options["state"]
        selected = VerifyOptions(
            checks=options["only"],
            sample=options["sample"],
            seed=options["seed"],
            min_age_minutes=options["min_age"],
        )
        try:
            with use_replica():
                summary = (
                    self._resume_run(selected, reporter, state) if state else verify(selected, reporter, self._print)
                )
        except (Canceled, KeyboardInterrupt):
            how = "Run the same command again to resume." if state else "Use --state FILE to resume a stopped run."
            fail(f"Stopped. {how}", ExitCode.STOPPED)
        except OSError as error:
            fail(f"Cannot use the file of --state: {error}.", ExitCode.PARTIAL)
        reporter.end()
        self._report_or_fail(summary, options["verbosity"])

    def _resume_run(self, options: VerifyOptions, reporter: TerminalReporter, path: Path) -> Summary:
        # Of the primary: a run can resume on another replica.
        primary = connections.settings[DEFAULT_DB_ALIAS]
        database = f"{primary['HOST'] or 'embedded'}/{primary['NAME']}"
        arguments = {"options": options.as_json(), "database": database}
        with closing(StateFile(path, arguments, reporter)) as state:

            def save_and_print(finding: Finding) -> None:
                state.add(finding)
                self._print(finding)

            for finding in state.read_saved_findings():
                self._print(finding)
            summary = verify(options, state, save_and_print)
        state.delete()
        return summary

    def _print(self, finding: Finding) -> None:
        self.stdout.write(json.dumps(finding.as_json()) if self.is_json else f"{finding.kind}: {finding.message}")

    def _report_or_fail(self, summary: Summary, verbosity: int) -> None:
        if self.is_json:
            self.stdout.write(json.dumps({"summary": summary.as_json()}))
        elif verbosity:
            self.stdout.write("\n".join(format_summary(summary)))
        if errors := describe_errors(summary):
            fail(errors, ExitCode.FINDINGS if summary.error_count else ExitCode.PARTIAL)
        if verbosity and not self.is_json:
            self.stdout.write("No errors found.")
