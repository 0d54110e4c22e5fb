"""Load records of ClinicalTrials.gov."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from ncfd_site.ingest.files import find_files
from ncfd_site.ingest.json_records import SUFFIXES
from ncfd_site.ingest.load_command import LoadCommand
from ncfd_site.ingest.rejections import Rejections
from signals.loading import load_registry
from signals.loading.ctgov import require_studies


class Command(LoadCommand):
    """Trials, their versions and documents, assets, sponsors, and HP-2 proposals."""

    help = "Load ClinicalTrials.gov records (API version 2): a page, JSON lines, gzip of either, or a folder of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The files and folders."""
        super().add_arguments(parser)
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="A file, or a folder of files.")

    def load(self, rejections: Rejections, options: dict[str, Any]) -> None:
        """Load the records and report."""
        files = find_files(options["paths"], SUFFIXES)
        # A wrong file is told before anything is loaded; inside a folder it is one of many, and refused on its way.
        for path in options["paths"]:
            if path.is_file():
                require_studies(path)
        with self.progress(files) as progress:
            summary = load_registry(files, rejections, progress)
        self.report(summary, options["verbosity"])
