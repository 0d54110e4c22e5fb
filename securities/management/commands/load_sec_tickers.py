"""Load the SEC's list of companies, tickers and exchanges."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from ncfd_site.core.command import integer_type
from ncfd_site.ingest.files import find_files
from ncfd_site.ingest.load_command import LoadCommand
from ncfd_site.ingest.records import InputError, Rejections
from securities.loading import load_sec_list


def parse_day(text: str) -> date:
    """Parse the date of a command-line option; raises ArgumentTypeError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a date: write YYYY-MM-DD") from None


class AllowDelisting(LoadCommand):
    """A load of the SEC's list, with the option for a list that delists many tickers."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add `--allow-delisting`."""
        super().add_arguments(parser)
        parser.add_argument(
            "--allow-delisting",
            type=integer_type(),
            default=0,
            metavar="N",
            help="Load a list that delists up to N tickers, though they are more than a quarter of all.",
        )


class Command(AllowDelisting):
    """Companies by CIK, exchanges, securities over time, and the links between them."""

    help = "Load the SEC's ticker list (company_tickers_exchange.json, company_tickers.json, or the same as CSV)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the file and its date."""
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="The list, JSON or CSV, also as .gz.")
        parser.add_argument("--as-of", type=parse_day, metavar="DATE", help="Date of the list (default: today).")

    def load(self, rejections: Rejections, options: dict[str, Any]) -> None:
        """Load the ticker list, and print a summary."""
        (path,) = find_files([options["file"]], (".json", ".csv"))[:1]
        as_of = options["as_of"] or timezone.localdate()
        # A future date would block every real list until then. East of here it may already be tomorrow.
        if as_of > timezone.localdate() + timedelta(days=1):
            raise InputError(f"--as-of {as_of} is in the future. Give the date of the list.")
        with self.progress([path]) as progress:
            summary = load_sec_list(path, as_of, rejections, progress, allow_delisting=options["allow_delisting"])
        self.report(summary, options["verbosity"])
