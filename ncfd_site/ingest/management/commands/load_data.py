"""Load every file of a folder that is known."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from ncfd_site.core.formatting import format_first
from ncfd_site.ingest.load_command import LoadCommand
from ncfd_site.ingest.records import InputError
from ncfd_site.ingest.rejections import Rejections
from ncfd_site.ingest.sources import recognize_folder, registered_sources

MAX_NAMES = 10


class Command(LoadCommand):
    """Companies first, so that sponsors find them; then trials; then the links between documents and trials."""

    help = "Load what a folder holds: the SEC's list of tickers, ClinicalTrials.gov records, proposals of links."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The folder."""
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path, help="The folder; files are known by what they hold.")

    def load(self, refusals: Rejections, options: dict[str, Any]) -> None:
        """Load the files in the right order, and name those that nobody knows."""
        folder, verbosity = options["folder"], options["verbosity"]
        sources, found = registered_sources(), recognize_folder(folder)
        unknown = found.pop("", [])
        if not found:
            titles = "; ".join(source.title for source in sources)
            raise InputError(f"The folder {folder} holds nothing that can be loaded: {titles}.")
        for source in sources:
            paths = found.get(source.title, [])
            if source.is_single and len(paths) > 1:
                raise InputError(f"{' and '.join(map(str, paths))} are both {source.title}: keep the one to load.")
        for source in sources:
            paths = found.get(source.title, [])
            for batch in [paths] if paths and source.is_loaded_together else [[path] for path in paths]:
                with self.progress(batch) as progress:
                    self._report(
                        format_first([path.name for path in batch], MAX_NAMES),
                        source.load(batch, refusals, progress),
                        verbosity,
                    )
        if unknown:
            self.stdout.write(f"Not known, not loaded: {format_first([path.name for path in unknown], MAX_NAMES)}")

    def _report(self, title: str, tally: Any, verbosity: int) -> None:
        if verbosity:
            self.stdout.write(self.style.MIGRATE_HEADING(title))
        self.report(tally, verbosity)
