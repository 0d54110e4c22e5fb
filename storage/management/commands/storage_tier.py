"""Move objects between tiers."""

import json
from argparse import ArgumentParser
from dataclasses import asdict, fields
from typing import Any

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import ReportingCommand, fail, integer_type
from ncfd_site.core.formatting import format_quantity, format_size
from ncfd_site.core.progress import TerminalReporter
from storage.tiers import MoveOptions, describe_move_result, move_objects, preview_move

UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
MAX_LISTED = 20


class Command(ReportingCommand):
    """Prints a preview; moves with `--move`."""

    help = (
        "Move referenced objects between local disk and S3: copy, verify, switch, and release the old data for"
        " storage_gc. Without --move this is a dry run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the target and the selection."""
        super().add_arguments(parser)
        parser.add_argument("to", choices=["local", "s3"], help="Target tier.")
        parser.add_argument("--move", action="store_true", help="Move. Without it, nothing is changed.")
        parser.add_argument(
            "--older-than-days", type=integer_type(), metavar="N", help="Only objects unused for this many days."
        )
        parser.add_argument(
            "--larger-than",
            type=_parse_size,
            metavar="SIZE",
            help="Only larger objects; SIZE such as 500000, 64K, 10M or 1G.",
        )
        parser.add_argument("--limit", type=integer_type(), metavar="N", help="At most this many objects.")
        parser.add_argument(
            "--retention-minutes",
            type=integer_type(),
            default=MoveOptions(to="s3").retention_minutes,
            metavar="N",
            help="Minutes to keep the old data (default: %(default)s).",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Print the preview, or move and print the result."""
        selection = MoveOptions(**{field.name: options[field.name] for field in fields(MoveOptions)})
        if not options["move"]:
            preview = preview_move(selection)
            objects = format_quantity(preview.object_count, "object")
            text = f"{objects} ({format_size(preview.size_bytes)}) to move to {selection.to}."
            if preview.object_count:
                text += " Dry run: nothing was changed. Use --move to move."
            self._print_result(options["json"], text, asdict(preview))
            return
        result = move_objects(selection, reporter)
        reporter.end()
        self._print_result(options["json"], describe_move_result(result, selection), asdict(result))
        if result.failures:
            listed = "\n".join(f"  object {key}: {why}" for key, why in list(result.failures.items())[:MAX_LISTED])
            fail(f"{format_quantity(len(result.failures), 'object')} not moved:\n{listed}", ExitCode.PARTIAL)

    def _print_result(self, as_json: bool, text: str, facts: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(facts) if as_json else text)


def _parse_size(text: str) -> int:
    digits = text.rstrip("kKmMgG")
    return int(digits) * UNITS[text[len(digits) :].lower()]


_parse_size.__name__ = "size"  # the name in argparse's errors
