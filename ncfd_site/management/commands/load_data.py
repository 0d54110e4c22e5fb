"""Load every recognized file of a folder."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils import timezone

from ncfd_site.core.formatting import format_first
from ncfd_site.ingest.load_command import LoadCommand
from ncfd_site.ingest.records import InputError, Rejections
from ncfd_site.ingest.sources import recognize_folder, registered_sources
from signals.loading.sponsors import match_sponsors

MAX_NAMES = 10


class Command(LoadCommand):
    """Loads companies first, then trials, whose sponsors they are, then the links between documents and trials."""

    help = "Load what a folder holds: the SEC's list of tickers, ClinicalTrials.gov records, proposals of links."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the folder."""
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path, help="The folder; files are recognized by their content.")

    def load(self, rejections: Rejections, options: dict[str, Any]) -> None:
        """Load the files in the order of their sources, and list the unrecognized ones."""
        folder, verbosity = options["folder"], options["verbosity"]
        sources, found = registered_sources(), recognize_folder(folder)
        unknown = found.pop("", [])
        if not found:
            titles = "; ".join(source.title for source in sources)
            raise InputError(f"The folder {folder} holds no file that can be loaded: {titles}.")
        for source in sources:
            paths = found.get(source.title, [])
            if source.is_single and len(paths) > 1:
                raise InputError(f"{' and '.join(map(str, paths))} are both {source.title}. Keep the one to load.")
        for source in sources:
            paths = found.get(source.title, [])
            for batch in [paths] if paths and source.is_loaded_together else [[path] for path in paths]:
                with self.progress(batch) as progress:
                    summary = source.load(batch, rejections, progress)
                    if verbosity:
                        names = format_first([path.name for path in batch], MAX_NAMES)
                        self.stdout.write(self.style.MIGRATE_HEADING(names))
                    self.report(summary, verbosity)
        # Companies can be newer than the trials.
        match_sponsors(f"{timezone.now():%Y-%m-%dT%H:%M:%S}")
        if unknown:
            self.stdout.write(f"Not known, not loaded: {format_first([path.name for path in unknown], MAX_NAMES)}")
