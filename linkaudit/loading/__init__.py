"""Loaders of assets and links."""

from pathlib import Path

from linkaudit.loading.link_audits import load_link_audits
from linkaudit.loading.proposals import REQUIRED, read_proposals
from ncfd_site.ingest.records import Rejections
from ncfd_site.ingest.runs import LoadProgress, LoadSummary
from ncfd_site.ingest.sources import Source, register
from storage.content import get_content_store


def load_proposals(path: Path, rejections: Rejections, progress: LoadProgress) -> LoadSummary:
    """Load links that heuristics outside this project proposed."""
    proposals = read_proposals(path, progress.add_bytes)
    return load_link_audits(proposals, store=get_content_store(), rejections=rejections, progress=progress)


# After trials, which the links refer to.
register(
    Source(
        title="proposals of links",
        position=30,
        recognizes=lambda record: set(record).issuperset(REQUIRED),
        load=lambda paths, rejections, progress: load_proposals(paths[0], rejections, progress),
    )
)
