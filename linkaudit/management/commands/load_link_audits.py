"""Load proposals of links that other heuristics made."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from linkaudit.loading import load_proposals
from linkaudit.loading.audit_row import require_proposals
from ncfd_site.ingest.files import find_files
from ncfd_site.ingest.json_records import SUFFIXES
from ncfd_site.ingest.load_command import LoadCommand
from ncfd_site.ingest.records import Rejections


class Command(LoadCommand):
    """Proposals with their documents and assets, and labels of any source."""

    help = "Load proposals of links between documents, assets and trials: CSV or JSON lines, also as .gz."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file."""
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="The proposals, one a row.")

    def load(self, rejections: Rejections, options: dict[str, Any]) -> None:
        """Load the proposals and report."""
        (path,) = find_files([options["file"]], (".csv", *SUFFIXES))[:1]
        require_proposals(path)
        with self.progress([path]) as progress:
            summary = load_proposals(path, rejections, progress)
        self.report(summary, options["verbosity"])
