"""Draw samples of links to review."""

import json
from argparse import ArgumentParser
from typing import Any

from django.forms.models import model_to_dict

from linkaudit.sampling import services
from linkaudit.sampling.services import (
    DEFAULT_SIZE,
    MAX_SIZE,
    NOTHING_DUE,
    PROMOTED_SIZE,
    SampleOptions,
    describe_sample,
)
from ncfd_site.config.errors import ExitCode
from ncfd_site.core.command import ReportingCommand, fail, integer_type
from ncfd_site.core.progress import TerminalReporter

# The database adds to a seed, so half of its integers are valid.
MAX_SEED = 2**62 - 1
JSON_FIELDS = ("sample_id", "heuristic", "purpose", "population", "size", "second_share", "seed", "drawn_by")


class Command(ReportingCommand):
    """Draw one sample of a heuristic, or, from a weekly timer, the samples of promoted links that are due."""

    help = (
        "Draw a random sample of a heuristic's links for review. With --promoted: a sample of the promoted links of "
        "each heuristic that had none for a week."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the heuristic and the options of the draw."""
        super().add_arguments(parser)
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("heuristic", nargs="?", metavar="HEURISTIC", help="Heuristic, for example HP-1.")
        which.add_argument("--promoted", action="store_true", help="Draw the samples of promoted links that are due.")
        parser.add_argument(
            "--size",
            type=integer_type(1, MAX_SIZE),
            metavar="N",
            help=f"Number of links (default: {DEFAULT_SIZE}; with --promoted {PROMOTED_SIZE}).",
        )
        parser.add_argument(
            "--seed",
            type=integer_type(0, MAX_SEED),
            metavar="N",
            help="Seed of the draw, stored with the sample (default: random).",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def work_with(self, reporter: TerminalReporter, options: dict[str, Any]) -> None:
        """Draw the samples, and print a sentence about each."""
        if options["promoted"] and options["seed"] is not None:
            fail("--seed requires a heuristic. Remove --promoted or --seed.", ExitCode.USAGE)
        if options["promoted"]:
            drawn = services.draw_promoted_samples(options["size"] or PROMOTED_SIZE, reporter=reporter)
        else:
            chosen = {name: options[name] for name in ("heuristic", "size", "seed") if options[name] is not None}
            drawn = [services.draw_sample(SampleOptions(**chosen), drawn_by=reporter.actor)]
        if options["json"]:
            self.stdout.write(
                json.dumps({"samples": [model_to_dict(sample, JSON_FIELDS) for sample in drawn]}, default=float)
            )
        else:
            self.stdout.write("\n".join(map(describe_sample, drawn)) or NOTHING_DUE)
