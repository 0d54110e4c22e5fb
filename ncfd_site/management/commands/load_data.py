"""Load every file of a folder that is known."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils import timezone

from ncfd_site.ingest.items import WrongInput
from ncfd_site.ingest.refusals import Refusals
from ncfd_site.loads.command import LoadCommand
from ncfd_site.loads.recognise import Kind, recognised
from ncfd_site.loads.sources import load_proposals, load_registry, load_sec_list


class Command(LoadCommand):
    """Companies first, so that sponsors find them; then trials; then the links between documents and trials."""

    help = "Load what a folder holds: the SEC's list of tickers, ClinicalTrials.gov records, proposals of links."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The folder."""
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path, help="The folder; files are known by what they hold.")

    def load(self, refusals: Refusals, options: dict[str, Any]) -> None:
        """Load the files in the right order, and name those that nobody knows."""
        folder, verbosity = options["folder"], options["verbosity"]
        found = recognised(folder)
        if not any(kind in found for kind in Kind):
            raise WrongInput(
                f"The folder {folder} holds nothing that can be loaded: {'; '.join(k.value for k in Kind)}."
            )
        lists, studies, audits = (found.get(kind, []) for kind in Kind)
        if len(lists) > 1:
            raise WrongInput(f"{' and '.join(map(str, lists))} are both lists of tickers: keep the one to load.")
        for path in lists:
            with self.progress([path]) as progress:
                self._report(path.name, load_sec_list(path, timezone.localdate(), refusals, progress), verbosity)
        if studies:
            with self.progress(studies) as progress:
                self._report(_names(studies), load_registry(studies, refusals, progress), verbosity)
        for path in audits:
            with self.progress([path]) as progress:
                self._report(path.name, load_proposals(path, refusals, progress), verbosity)
        if unknown := found.get(None):
            self.stdout.write(f"Not known, not loaded: {_names(unknown)}")

    def _report(self, title: str, tally: Any, verbosity: int) -> None:
        if verbosity:
            self.stdout.write(self.style.MIGRATE_HEADING(title))
        self.report(tally, verbosity)


def _names(paths: list[Path], most: int = 10) -> str:
    more = f" and {len(paths) - most:,} more" if len(paths) > most else ""
    return ", ".join(path.name for path in paths[:most]) + more
