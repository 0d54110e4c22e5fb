"""Load names under which companies sponsor trials."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from ncfd_site.ingest.load_command import LoadCommand
from ncfd_site.ingest.records import InputError, Rejections
from securities.loading.aliases import BUNDLED, load_aliases


class Command(LoadCommand):
    """Subsidiaries, brands, short and former names; `match_sponsors` then applies them to stored trials."""

    help = "Load a CSV file of sponsors (sponsor,cik,relation,source), by default the bundled one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the file."""
        super().add_arguments(parser)
        parser.add_argument("file", nargs="?", type=Path, default=BUNDLED, help="The CSV file, also as .gz.")

    def load(self, rejections: Rejections, options: dict[str, Any]) -> None:
        """Load the aliases, and print a summary."""
        path = options["file"]
        if not path.is_file():
            raise InputError(f"There is no file {path}.")
        with self.progress([path]) as progress:
            summary = load_aliases(path, rejections, progress)
        self.report(summary, options["verbosity"])
