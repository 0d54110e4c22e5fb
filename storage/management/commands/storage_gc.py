"""Clean content that nothing refers to any more."""

import dataclasses
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import ReportingCommand, integer_type
from ncfd_site.core.formatting import format_moment, format_size
from ncfd_site.core.terminal_progress import TerminalReporter
from storage.cleaning import CleaningOptions, CleaningRefused, Survey, clean, obstacle, survey
from storage.outcomes import cleaned_in_words


class Command(ReportingCommand):
    """Dry unless `--delete` is given."""

    help = (
        "Delete content that nothing refers to, unused for its time of grace, and bytes whose time is over. Without "
        "--delete it only tells what would go."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How careful it is."""
        super().add_arguments(parser)
        defaults = CleaningOptions()
        parser.add_argument("--delete", action="store_true", help="Delete; without it nothing is changed.")
        parser.add_argument(
            "--grace-days",
            type=integer_type(),
            default=defaults.grace_days,
            metavar="N",
            help="Days since the last reference went, or the last use (%(default)s).",
        )
        parser.add_argument(
            "--keep-minutes",
            type=integer_type(),
            default=defaults.keep_minutes,
            metavar="N",
            help="How long bytes stay after their row went (%(default)s).",
        )
        parser.add_argument(
            "--most-percent",
            type=float,
            default=defaults.most_percent,
            metavar="N",
            help="Refuse to delete more than this share of all content (%(default)g).",
        )
        parser.add_argument(
            "--despite-lost-references", action="store_true", help="Delete although references look lost."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def work_with(self, control: TerminalReporter, options: dict[str, Any]) -> None:
        """Tell, and with `--delete` delete."""
        careful = CleaningOptions(
            grace_days=options["grace_days"],
            keep_minutes=options["keep_minutes"],
            most_percent=options["most_percent"],
            despite_lost_references=options["despite_lost_references"],
        )
        if not options["delete"]:
            found = survey(careful)
            refused = obstacle(found, careful)
            self._print(
                options["json"], _would(found, careful, refused), {**dataclasses.asdict(found), "refused": refused}
            )
            return
        try:
            done = clean(careful, control)
        except CleaningRefused as refusal:
            if options["json"]:
                self.stdout.write(json.dumps({"refused": str(refusal)}))
            raise
        control.end()
        self._print(options["json"], cleaned_in_words(done, careful.keep_minutes), dataclasses.asdict(done))
        if done.bytes.left:
            reasons = " ".join(f"{count:,} contents: {reason}" for reason, count in done.bytes.left.items())
            raise CommandError(
                f"Some bytes are still there, and the next run tries again. {reasons}", returncode=ExitCode.PARTIAL
            )

    def _print(self, as_json: bool, words: str, facts: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(facts, default=str) if as_json else words)


def _would(found: Survey, options: CleaningOptions, refused: str) -> str:
    lines = []
    if found.candidates:
        since = f", the longest since {format_moment(found.unused_since)}" if found.unused_since else ""
        lines.append(
            f"{found.candidates:,} of {found.objects:,} contents ({format_size(found.candidate_bytes)}) have no"
            f" reference and were not used for {options.grace_days} days{since}."
        )
    else:
        lines.append(
            f"None of {found.objects:,} contents is without reference and unused for {options.grace_days} days."
        )
    if found.owned:
        lines.append(f"{found.owned:,} more have no reference, but a document or a study points to them: they stay.")
    if found.foreign:
        lines.append(f"{found.foreign:,} more have an address that is none of a store of this site: they stay.")
    if found.tombstones:
        lines.append(
            f"{found.tombstones:,} tombstones wait, of which {found.due:,} ({format_size(found.due_bytes)}) are due."
        )
    if refused:
        lines.append(f"It would be refused: {refused}")
    elif found.candidates or found.due:
        lines.append("Nothing was changed. With --delete they go.")
    return "\n".join(lines)
