"""Delete data past its retention."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from ncfd_site.core.command import ReportingCommand
from ncfd_site.core.progress import TerminalReporter
from ncfd_site.retention.pruning import as_json, describe, prune


class Command(ReportingCommand):
    """Prints what would be deleted; deletes with `--apply`."""

    help = (
        "Delete scores, evaluations, storage events, exports, sessions, finished jobs and failed sign-ins that the"
        " retention policy (retention.toml) does not keep. Without --apply this is a dry run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the mode and the archive."""
        super().add_arguments(parser)
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--dry-run", action="store_true", help="Count only (the default).")
        mode.add_argument("--apply", action="store_true", help="Delete. Without it, nothing is changed.")
        parser.add_argument("--archive", type=Path, metavar="DIR", help="Write the rows as Parquet files there first.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Count or delete, and print the result."""
        found = prune(reporter, apply=options["apply"], archive=options["archive"])
        reporter.end()
        text = describe(found, apply=options["apply"])
        if not options["apply"]:
            text += " Dry run: nothing was changed. Give --apply to delete."
        self.stdout.write(json.dumps({"pruned": as_json(found)}) if options["json"] else text)
