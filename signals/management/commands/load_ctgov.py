"""Load records of ClinicalTrials.gov."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.utils import timezone

from ncfd_site.ingest.files import find_files
from ncfd_site.ingest.json_records import SUFFIXES
from ncfd_site.ingest.load_command import LoadCommand
from ncfd_site.ingest.records import InputError, Rejections
from signals.loading import load_registry
from signals.loading.ctgov import require_studies
from signals.loading.stored_trials import write_missing_trials

FILE_DATES = "file"


def _parse_capture(text: str) -> datetime | str:
    """Parse the time of a capture: a day is its start, in UTC."""
    if text == FILE_DATES:
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a date: write YYYY-MM-DD, or {FILE_DATES}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Command(LoadCommand):
    """Trials, versions, documents, assets, sponsors and HP-2 links."""

    help = "Load ClinicalTrials.gov records (API version 2): API pages, JSON lines, gzip of either, or a folder."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the paths."""
        super().add_arguments(parser)
        parser.add_argument(
            "--captured-at",
            type=_parse_capture,
            metavar="DATE",
            help="When the records were downloaded: a date, a time with a zone, or `file`: when each file was last"
            " modified (default: now). Captures can be loaded in any order.",
        )
        parser.add_argument(
            "--missing",
            metavar="FILE",
            type=Path,
            help="Write the stored trials that these files do not contain to a CSV file; they are kept.",
        )
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="A file, or a folder of files.")

    def load(self, rejections: Rejections, options: dict[str, Any]) -> None:
        """Load the registry files, and print a summary."""
        files = find_files(options["paths"], SUFFIXES)
        # A wrong file named on the command line stops the load; in a folder it is rejected.
        for path in options["paths"]:
            if path.is_file():
                require_studies(path)
        at = options["captured_at"]
        use_file_dates = at == FILE_DATES
        if not use_file_dates and at and at > timezone.now():
            raise InputError(f"--captured-at {at:%Y-%m-%d} is in the future. Give the date of the download.")
        started_at = timezone.now()
        if use_file_dates:
            # Oldest first: an earlier capture compares all later versions of its trial again.
            files.sort(key=lambda file: file.stat().st_mtime)
        with self.progress(files) as progress:
            summary = load_registry(
                files,
                rejections,
                progress,
                captured_at=None if use_file_dates else at,
                use_file_dates=use_file_dates,
            )
        if options["missing"]:
            since = min(file.stat().st_mtime for file in files) if use_file_dates else None
            seen_from = datetime.fromtimestamp(since, UTC) if since else at or started_at
            count = write_missing_trials(options["missing"], seen_from)
            summary.notes.append(f"{count:,} stored trials are not in these files and were kept: {options['missing']}.")
        self.report(summary, options["verbosity"])
