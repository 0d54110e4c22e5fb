"""Progress of a load: the bytes read of all files, with the number of records beside them."""

from collections.abc import Sequence
from pathlib import Path

from ncfd_site.core.progress import NullReporter, ProgressReporter


class LoadProgress:
    """Counts the bytes and records of a load and hands them to a reporter."""

    def __init__(self, paths: Sequence[Path] = (), reporter: ProgressReporter | None = None) -> None:
        self._reporter = reporter or NullReporter()
        self._records = 0
        self._reporter.begin("Loading", sum(path.stat().st_size for path in paths), "bytes")

    def add_bytes(self, count: int) -> None:
        """Count bytes that were read."""
        self._reporter.advance(count)

    def add_records(self, count: int) -> None:
        """Count records that are in the database or rejected."""
        self._records += count
        self._reporter.advance(0, note=f"{self._records:,} records")
