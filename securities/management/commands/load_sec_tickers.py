"""Load the SEC's list of companies, tickers and exchanges."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from ncfd_site.ingest.files import find_files
from ncfd_site.ingest.load_command import LoadCommand
from ncfd_site.ingest.records import InputError
from ncfd_site.ingest.rejections import Rejections
from securities.loading import load_sec_list


def day(text: str) -> date:
    """A date of the command line."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no date: write YYYY-MM-DD") from None


class Command(LoadCommand):
    """Companies by CIK, exchanges, securities over date ranges, and the links between them."""

    help = "Load the SEC's list of tickers (company_tickers_exchange.json, or the same as CSV)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file, its date, and leave to delist most of what is listed."""
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="The list: JSON as the SEC gives it, or CSV, also as .gz.")
        parser.add_argument("--as-of", type=day, metavar="DATE", help="The day of the list; today if not given.")
        parser.add_argument(
            "--allow-mass-delisting",
            action="store_true",
            help="Load it even if more than half of the listed tickers are not in it any more.",
        )

    def load(self, rejections: Rejections, options: dict[str, Any]) -> None:
        """Load the list and report."""
        (path,) = find_files([options["file"]], (".json", ".csv"))[:1]
        as_of = options["as_of"] or timezone.localdate()
        # A list of some far day would bar every true list until then. Somewhere tomorrow has begun.
        if as_of > timezone.localdate() + timedelta(days=1):
            raise InputError(f"--as-of {as_of} lies in the future: give the day of the list.")
        allowed = options["allow_mass_delisting"]
        with self.progress([path]) as progress:
            summary = load_sec_list(path, as_of, rejections, progress, allow_mass_delisting=allowed)
        self.report(summary, options["verbosity"])
