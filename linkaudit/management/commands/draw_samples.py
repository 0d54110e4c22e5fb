"""Draw samples of links to review."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from linkaudit.models import ReviewSample
from linkaudit.sampling.options import LARGEST, PROMOTED_SIZE, SIZE, SampleOptions, random_seed
from linkaudit.sampling.services import draw, draw_promoted
from linkaudit.sampling.words import drawn_in_words
from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import ReportingCommand, integer_type
from ncfd_site.core.terminal_progress import TerminalReporter

# The database adds to a seed, so half of its integers are valid.
LARGEST_SEED = 2**62 - 1


class Command(ReportingCommand):
    """ExitCode code 0: done; 2: wrong usage; 3: refused. With `--promoted` for a weekly timer."""

    help = (
        "Draw a random sample of the links of a heuristic for review. With --promoted: of the promoted links of every "
        "heuristic that had no such sample for a week."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Of what, and how many."""
        super().add_arguments(parser)
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("heuristic", nargs="?", metavar="HEURISTIC", help="The heuristic, as HP-1.")
        which.add_argument("--promoted", action="store_true", help="Samples of promoted links, where they are due.")
        parser.add_argument(
            "--size",
            type=integer_type(1, LARGEST),
            metavar="N",
            help=f"How many links ({SIZE}; with --promoted {PROMOTED_SIZE}).",
        )
        parser.add_argument(
            "--seed",
            type=integer_type(0, LARGEST_SEED),
            metavar="N",
            help="What the draw follows from (random); the sample keeps it.",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Draw, and tell what was drawn."""
        if options["promoted"] and options["seed"] is not None:
            raise CommandError("--seed goes with one heuristic, and not with --promoted.", returncode=ExitCode.USAGE)
        drawn = _draw(options, reporter)
        if options["json"]:
            self.stdout.write(json.dumps({"samples": [_facts(sample) for sample in drawn]}))
        elif drawn:
            self.stdout.write("\n".join(map(drawn_in_words, drawn)))
        else:
            self.stdout.write("No heuristic with promoted links was without a sample this week.")


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
