"""Load records of ClinicalTrials.gov."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from ncfd_site.ingest.files import find_files
from ncfd_site.ingest.json_records import SUFFIXES
from ncfd_site.ingest.load_command import LoadCommand
from ncfd_site.ingest.records import Rejections
from signals.loading import load_registry
from signals.loading.ctgov import require_studies


class Command(LoadCommand):
    """Trials, versions, documents, assets, sponsors and HP-2 links."""

    help = "Load ClinicalTrials.gov records (API version 2): API pages, JSON lines, gzip of either, or a folder."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the paths."""
        super().add_arguments(parser)
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="A file, or a folder of files.")

    def load(self, rejections: Rejections, options: dict[str, Any]) -> None:
        """Load the registry files, and print a summary."""
        files = find_files(options["paths"], SUFFIXES)
        # A wrong file named on the command line stops the load; in a folder it is rejected.
        for path in options["paths"]:
            if path.is_file():
                require_studies(path)
        with self.progress(files) as progress:
            summary = load_registry(files, rejections, progress)
        self.report(summary, options["verbosity"])
