"""Draw samples of links to review."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from linkaudit.models import ReviewSample
from linkaudit.sampling.options import LARGEST, PROMOTED_SIZE, SIZE, SampleOptions, random_seed
from linkaudit.sampling.services import SampleRefused, draw, draw_promoted
from linkaudit.sampling.words import drawn_in_words
from ncfd_site.core.progress import Cancelled
from ncfd_site.core.terminal_progress import STOPPED, TerminalReporter, on_terminal
from storage.operating import REFUSED


class Command(BaseCommand):
    """Exit code 0: done; 2: wrong usage; 3: refused. With `--promoted` for a weekly timer."""

    help = (
        "Draw a random sample of the links of a heuristic for review. With --promoted: of the promoted links of every "
        "heuristic that had no such sample for a week."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Of what, and how many."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("heuristic", nargs="?", metavar="HEURISTIC", help="The heuristic, as HP-1.")
        which.add_argument("--promoted", action="store_true", help="Samples of promoted links, where they are due.")
        parser.add_argument(
            "--size", type=size, metavar="N", help=f"How many links ({SIZE}; with --promoted {PROMOTED_SIZE})."
        )
        parser.add_argument(
            "--seed", type=seed, metavar="N", help="What the draw follows from (random); the sample keeps it."
        )
        parser.add_argument(
            "--actor", default="", metavar="NAME", help="Who draws, for the record (the user of the OS)."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Draw, and tell what was drawn."""
        if options["promoted"] and options["seed"] is not None:
            raise CommandError("--seed goes with one heuristic, and not with --promoted.", returncode=2)
        try:
            with on_terminal(sys.stderr, actor=options["actor"]) as control:
                drawn = _draw(options, control)
        except (Cancelled, KeyboardInterrupt):
            raise CommandError("Stopped. The samples drawn until here stay.", returncode=STOPPED) from None
        except SampleRefused as refused:
            raise CommandError(str(refused), returncode=REFUSED) from None
        if options["json"]:
            self.stdout.write(json.dumps({"samples": [_facts(sample) for sample in drawn]}))
        elif drawn:
            self.stdout.write("\n".join(map(drawn_in_words, drawn)))
        else:
            self.stdout.write("No heuristic with promoted links was without a sample this week.")


def size(text: str) -> int:
    """A size of a sample, as an argument."""
    number = int(text)
    if not 1 <= number <= LARGEST:
        raise ValueError
    return number


size.__name__ = f"size from 1 to {LARGEST}"  # what argparse calls it


def seed(text: str) -> int:
    """What a draw follows from, as an argument: half of the numbers that the database has, for it adds to it."""
    number = int(text)
    if not 0 <= number < 2**62:
        raise ValueError
    return number


seed.__name__ = "seed from 0 to 2^62"


def _draw(options: dict[str, Any], control: TerminalReporter) -> list[ReviewSample]:
    if options["promoted"]:
        return draw_promoted(options["size"] or PROMOTED_SIZE, control=control)
    given = SampleOptions(
        heuristic=options["heuristic"],
        size=options["size"] or SIZE,
        seed=random_seed() if options["seed"] is None else options["seed"],
    )
    return [draw(given, drawn_by=control.actor)]


def _facts(sample: ReviewSample) -> dict[str, Any]:
    return {
        "sample_id": sample.pk,
        "heuristic": sample.heuristic,
        "purpose": sample.purpose,
        "population": sample.population,
        "size": sample.size,
        "second_share": float(sample.second_share),
        "seed": sample.seed,
        "drawn_by": sample.drawn_by,
    }
