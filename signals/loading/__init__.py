"""Loading of ClinicalTrials.gov records into trials, versions and documents."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ncfd_site.ingest.records import InputError, Record, RejectedRecord, Rejections, SourceLocation
from ncfd_site.ingest.runs import LoadProgress, LoadSummary
from ncfd_site.ingest.sources import Source, register
from signals.loading.ctgov import load_studies, read_studies
from signals.loading.record import TrialRecord
from storage.content import get_content_store


def load_registry(
    paths: Sequence[Path],
    rejections: Rejections,
    progress: LoadProgress,
    *,
    captured_at: datetime | None = None,
    use_file_dates: bool = False,
    saves_cursor: bool = True,
) -> LoadSummary:
    """Load files of registry records and propose HP-2 links.

    `saves_cursor` is that of `load_studies`.
    The records were captured at that time, or when their file was last modified; by default, now.
    """
    studies = _read_files(paths, progress, captured_at, use_file_dates)
    return load_studies(
        studies, store=get_content_store(), rejections=rejections, progress=progress, saves_cursor=saves_cursor
    )


def _read_files(
    paths: Sequence[Path], progress: LoadProgress, captured_at: datetime | None, use_file_dates: bool
) -> Iterator[Record[TrialRecord] | RejectedRecord]:
    for path in paths:
        try:
            at = datetime.fromtimestamp(path.stat().st_mtime, UTC) if use_file_dates else captured_at
            yield from read_studies(path, progress, at)
        except InputError as error:
            # An unreadable file in a folder does not stop the load.
            yield RejectedRecord(SourceLocation(str(path), 0), str(error))


register(
    Source(
        title="ClinicalTrials.gov records",
        position=20,
        recognizes=lambda record: "protocolSection" in record,
        load=load_registry,
        is_loaded_together=True,
    )
)
