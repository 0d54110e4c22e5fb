"""Assets and claims that tie them to trials, as loaders find them in documents."""

from collections.abc import Sequence
from pathlib import Path

from linkaudit.loading.audit_row import REQUIRED, audit_rows
from linkaudit.loading.audits import load_audits
from ncfd_site.ingest.records import Rejections
from ncfd_site.ingest.runs import LoadProgress, LoadSummary
from ncfd_site.ingest.sources import Source, register
from storage.content import get_content_store


def load_proposals(path: Path, rejections: Rejections, progress: LoadProgress) -> LoadSummary:
    """Load the links that heuristics outside this project propose."""
    return load_audits(
        audit_rows(path, progress.add_bytes), store=get_content_store(), rejections=rejections, progress=progress
    )


def _load(paths: Sequence[Path], rejections: Rejections, progress: LoadProgress) -> LoadSummary:
    return load_proposals(paths[0], rejections, progress)


# After trials, which the links name.
register(
    Source(
        title="proposals of links",
        position=30,
        recognizes=lambda record: set(record).issuperset(REQUIRED),
        load=_load,
    )
)
