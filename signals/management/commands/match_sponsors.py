"""Match the sponsors of trials to companies."""

from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from ncfd_site.core.command import SiteCommand
from signals.loading.sponsors import match_sponsors


class Command(SiteCommand):
    """Trials without a company are matched again, as after a new ticker list; similar names wait for a reviewer."""

    help = "Match sponsors without a company by name, follow successors, and propose similar names for review."
    when_interrupted = "Nothing was changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the name of the run."""
        parser.add_argument("--run-id", metavar="NAME", help="Name of the run of the proposals (default: the time).")

    def work(self, options: dict[str, Any]) -> None:
        """Match, and print the numbers of trials."""
        counts = match_sponsors(options["run_id"] or f"{timezone.now():%Y-%m-%dT%H:%M:%S}")
        if options["verbosity"]:
            self.stdout.write(
                f"{counts.matched:,} trials matched, {counts.moved:,} moved to a successor,"
                f" {counts.proposed:,} queued for review."
            )
