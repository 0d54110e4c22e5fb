"""Registry records of ClinicalTrials.gov into trials, their versions and their documents."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from linkaudit.loading.hp2 import propose_links
from ncfd_site.ingest.progress import LoadProgress
from ncfd_site.ingest.records import InputError, Record, RejectedRecord, SourceLocation
from ncfd_site.ingest.rejections import Rejections
from ncfd_site.ingest.sources import Source, register
from ncfd_site.ingest.summary import LoadSummary
from signals.loading.ctgov import load_studies, read_studies
from signals.loading.record import TrialRecord
from storage.content import get_content_store


def load_registry(paths: Sequence[Path], rejections: Rejections, progress: LoadProgress) -> LoadSummary:
    """Load registry records, and propose a link for each drug that they list."""
    return load_studies(
        _studies(paths, progress),
        propose=propose_links,
        store=get_content_store(),
        rejections=rejections,
        progress=progress,
    )


def _studies(paths: Sequence[Path], progress: LoadProgress) -> Iterator[Record[TrialRecord] | RejectedRecord]:
    for path in paths:
        try:
            yield from read_studies(path, progress)
        except InputError as wrong:
            # One file of a folder that cannot be opened does not stop the ones after it.
            yield RejectedRecord(SourceLocation(str(path), 0), str(wrong))


register(
    Source(
        title="ClinicalTrials.gov records",
        position=20,
        recognizes=lambda record: "protocolSection" in record,
        load=load_registry,
        is_loaded_together=True,
    )
)
