"""Move content between local disk and S3."""

import dataclasses
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import ReportingCommand, integer_type
from ncfd_site.core.formatting import format_size
from ncfd_site.core.terminal_progress import TerminalReporter
from storage.outcomes import moved_in_words
from storage.tiers import MoveOptions, movable, move

UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
MOST_NAMED = 20


class Command(ReportingCommand):
    """Dry unless `--move` is given."""

    help = (
        "Move content that is referred to between local disk and S3: copy, verify, switch, and release the old bytes, "
        "which storage_gc deletes later. Without --move it only tells how much would move."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What moves where."""
        super().add_arguments(parser)
        parser.add_argument("to", choices=["local", "s3"], help="Where it moves.")
        parser.add_argument("--move", action="store_true", help="Move; without it nothing is changed.")
        parser.add_argument(
            "--older-than-days", type=integer_type(), metavar="N", help="Only what was not used for N days."
        )
        parser.add_argument(
            "--larger-than", type=_bytes, metavar="SIZE", help="Only what is larger, as in 500000, 64K, 10M or 1G."
        )
        parser.add_argument("--limit", type=integer_type(), metavar="N", help="At most N contents.")
        parser.add_argument(
            "--keep-minutes",
            type=integer_type(),
            default=MoveOptions(to="s3").keep_minutes,
            metavar="N",
            help="How long the old bytes stay (%(default)s).",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def work_with(self, control: TerminalReporter, options: dict[str, Any]) -> None:
        """Tell, and with `--move` move."""
        wanted = MoveOptions(
            to=options["to"],
            older_than_days=options["older_than_days"],
            larger_than=options["larger_than"],
            limit=options["limit"],
            keep_minutes=options["keep_minutes"],
        )
        if not options["move"]:
            found = movable(wanted)
            words = f"{found.contents:,} contents ({format_size(found.size_bytes)}) would move to {wanted.to}."
            if found.contents:
                words += " Nothing was changed. With --move they do."
            self._print(options["json"], words, dataclasses.asdict(found))
            return
        moved = move(wanted, control)
        control.end()
        self._print(options["json"], moved_in_words(moved, wanted), dataclasses.asdict(moved))
        if moved.failed:
            named = "\n".join(f"  object {key}: {why}" for key, why in list(moved.failed.items())[:MOST_NAMED])
            raise CommandError(
                f"{len(moved.failed):,} contents stay where they are, since they could not be copied:\n{named}",
                returncode=ExitCode.PARTIAL,
            )

    def _print(self, as_json: bool, words: str, facts: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(facts) if as_json else words)


def _bytes(text: str) -> int:
    digits = text.rstrip("kKmMgG")
    return int(digits) * UNITS[text[len(digits) :].lower()]


_bytes.__name__ = "size"  # what argparse calls it
