"""Download records of ClinicalTrials.gov, and load them."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings

from ncfd_site.core.progress import terminal_reporter
from ncfd_site.ingest.load_command import LoadCommand
from ncfd_site.ingest.records import Rejections
from signals.loading import load_registry
from signals.loading.fetching import fetch_ctgov, find_cursor

AUTO = "auto"


def _parse_since(text: str) -> date | str:
    try:
        return text if text == AUTO else date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a date: write YYYY-MM-DD, or {AUTO}") from None


class Command(LoadCommand):
    """Pages of the registry's API, version 2."""

    help = "Download ClinicalTrials.gov records page by page, and load them with --load."
    when_interrupted = "Whole pages are kept; run the same command again to resume."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the selection, the folder and `--load`."""
        super().add_arguments(parser)
        parser.add_argument(
            "--since",
            type=_parse_since,
            metavar="DATE",
            help="Only records updated on or after this day; `auto` is the latest day that was loaded (default: all).",
        )
        parser.add_argument("--query", default="", metavar="TERMS", help="Only records that match these search terms.")
        parser.add_argument(
            "--out", type=Path, metavar="DIR", default=settings.NCFD_HOME / "fetched", help="Folder of the pages."
        )
        parser.add_argument("--load", action="store_true", help="Load the pages when all are there.")

    def load(self, rejections: Rejections, options: dict[str, Any]) -> None:
        """Download the pages, print their folder, and load them if requested."""
        query, cursor = options["query"], find_cursor()
        since = cursor if options["since"] == AUTO else options["since"]
        # The latest day is that of the whole registry, so that a query leaves it.
        is_complete = not query and (since is None or (cursor is not None and since <= cursor))
        with terminal_reporter(sys.stderr) as reporter:
            pages = fetch_ctgov(options["out"], reporter, since=since, query=query)
        self.stdout.write(str(pages[0].parent))
        if options["load"]:
            with self.progress(pages) as progress:
                summary = load_registry(pages, rejections, progress, use_file_dates=True, saves_cursor=is_complete)
            self.report(summary, options["verbosity"])
