"""Load links that other heuristics proposed."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from linkaudit.loading import load_proposals
from linkaudit.loading.proposals import require_proposals
from ncfd_site.ingest.files import find_files
from ncfd_site.ingest.json_records import SUFFIXES
from ncfd_site.ingest.load_command import LoadCommand
from ncfd_site.ingest.records import Rejections


class Command(LoadCommand):
    """Load proposals with their documents, assets and labels."""

    help = "Load proposed links between documents, assets and trials from CSV or JSON Lines, optionally gzipped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the file."""
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="File with one proposal per row.")

    def load(self, rejections: Rejections, options: dict[str, Any]) -> None:
        """Load the proposals, and print the counts."""
        (path,) = find_files([options["file"]], (".csv", *SUFFIXES))[:1]
        require_proposals(path)
        with self.progress([path]) as progress:
            summary = load_proposals(path, rejections, progress)
        self.report(summary, options["verbosity"])
