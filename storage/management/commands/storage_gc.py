"""Collect garbage."""

import json
from argparse import ArgumentParser
from dataclasses import asdict, fields
from typing import Any

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import ReportingCommand, fail, integer_type
from ncfd_site.core.formatting import format_moment, format_quantity, format_size
from ncfd_site.core.progress import TerminalReporter
from storage.garbage_collection import (
    GcBlockedError,
    GcOptions,
    GcPreview,
    collect_garbage,
    describe_gc_result,
    find_blocking_reason,
    preview_garbage_collection,
)


class Command(ReportingCommand):
    """Prints a preview; deletes with `--delete`."""

    help = (
        "Delete objects that are unreferenced and past the grace period, and data whose retention is over. Without"
        " --delete this is a dry run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the limits."""
        super().add_arguments(parser)
        defaults = GcOptions()
        parser.add_argument("--delete", action="store_true", help="Delete. Without it, nothing is changed.")
        parser.add_argument(
            "--grace-days",
            type=integer_type(),
            default=defaults.grace_days,
            metavar="N",
            help="Days without use or reference before an object is garbage (default: %(default)s).",
        )
        parser.add_argument(
            "--retention-minutes",
            type=integer_type(),
            default=defaults.retention_minutes,
            metavar="N",
            help="Minutes to keep the data after its row is deleted (default: %(default)s).",
        )
        parser.add_argument(
            "--max-delete-percent",
            type=float,
            default=defaults.max_delete_percent,
            metavar="N",
            help="Abort if more than this percentage of all objects would be deleted (default: %(default)g).",
        )
        parser.add_argument(
            "--allow-missing-references", action="store_true", help="Delete even if references seem to be lost."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Print the preview, or delete and print the result."""
        limits = GcOptions(**{field.name: options[field.name] for field in fields(GcOptions)})
        if not options["delete"]:
            preview = preview_garbage_collection(limits)
            reason = find_blocking_reason(preview, limits)
            facts = {**asdict(preview), "blocking_reason": reason}
            self._print_result(options["json"], _describe_preview(preview, limits, reason), facts)
            return
        try:
            result = collect_garbage(limits, reporter)
        except GcBlockedError as error:
            if options["json"]:
                self.stdout.write(json.dumps({"blocking_reason": str(error)}))
            raise
        reporter.end()
        self._print_result(options["json"], describe_gc_result(result, limits.retention_minutes), asdict(result))
        if result.data.failures:
            reasons = " ".join(
                f"{format_quantity(count, 'object')}: {reason}" for reason, count in result.data.failures.items()
            )
            fail(f"Some data was not deleted; the next run tries again. {reasons}", ExitCode.PARTIAL)

    def _print_result(self, as_json: bool, text: str, facts: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(facts, default=str) if as_json else text)


def _describe_preview(preview: GcPreview, options: GcOptions, reason: str) -> str:
    days, total = format_quantity(options.grace_days, "day"), f"{preview.object_count:,} objects"
    if preview.candidate_count:
        since = f", the oldest since {format_moment(preview.unused_since)}" if preview.unused_since else ""
        size = format_size(preview.candidate_bytes)
        lines = [f"{preview.candidate_count:,} of {total} ({size}) are unreferenced and unused for {days}{since}."]
    else:
        lines = [f"No garbage: none of {total} is unreferenced and unused for {days}."]
    if preview.in_use_count:
        lines.append(f"{preview.in_use_count:,} more are unreferenced, but used by a document or study, and are kept.")
    if preview.foreign_count:
        lines.append(f"{preview.foreign_count:,} more have a URI of no store of this site, and are kept.")
    if preview.tombstone_count:
        tombstones = format_quantity(preview.tombstone_count, "tombstone")
        lines.append(f"{tombstones}, {preview.due_count:,} due ({format_size(preview.due_bytes)}).")
    if reason:
        lines.append(f"Blocked: {reason}")
    elif preview.candidate_count or preview.due_count:
        lines.append("Dry run: nothing was deleted. Use --delete to delete.")
    return "\n".join(lines)
