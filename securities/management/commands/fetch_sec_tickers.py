"""Download the SEC's list of tickers, and load it."""

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from ncfd_site.core.progress import terminal_reporter
from ncfd_site.ingest.records import Rejections
from securities.loading import load_sec_list
from securities.loading.fetching import fetch_sec_tickers
from securities.management.commands.load_sec_tickers import AllowDelisting


class Command(AllowDelisting):
    """The list of today; FETCH_USER_AGENT must hold an e-mail address."""

    help = "Download the SEC's ticker list (company_tickers_exchange.json), and load it with --load."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the folder and `--load`."""
        super().add_arguments(parser)
        parser.add_argument(
            "--out", type=Path, metavar="DIR", default=settings.NCFD_HOME / "fetched", help="Folder of the list."
        )
        parser.add_argument("--load", action="store_true", help="Load the list as of today.")

    def load(self, rejections: Rejections, options: dict[str, Any]) -> None:
        """Download the list, print its path, and load it if requested."""
        with terminal_reporter(sys.stderr) as reporter:
            path = fetch_sec_tickers(options["out"], reporter)
        self.stdout.write(str(path))
        if options["load"]:
            with self.progress([path]) as progress:
                summary = load_sec_list(
                    path, datetime.now(UTC).date(), rejections, progress, allow_delisting=options["allow_delisting"]
                )
            self.report(summary, options["verbosity"])
