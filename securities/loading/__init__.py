"""Loading of the SEC's ticker list, and matching of sponsors to companies by name."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from django.utils import timezone

from ncfd_site.ingest.records import Rejections
from ncfd_site.ingest.runs import LoadProgress, LoadSummary
from ncfd_site.ingest.sources import Source, register
from securities.loading.listing import REQUIRED, read_listings, rename_column
from securities.loading.tickers import load_tickers


def load_sec_list(
    path: Path, as_of: date, rejections: Rejections, progress: LoadProgress, *, allow_delisting: int = 0
) -> LoadSummary:
    """Load the SEC's ticker list of a day."""
    return load_tickers(
        read_listings(path, progress.add_bytes),
        file=str(path),
        as_of=as_of,
        rejections=rejections,
        progress=progress,
        allow_delisting=allow_delisting,
    )


def _is_listing_record(record: Mapping[str, Any]) -> bool:
    first = next(iter(record.values()), None)
    # `company_tickers.json` is one object of objects.
    names = record.get("fields") if isinstance(record.get("fields"), list) and "data" in record else first
    if not isinstance(names, list | dict):
        names = list(record)
    return {rename_column(str(name)) for name in names}.issuperset(REQUIRED)


# Before trials, so that sponsors match companies.
register(
    Source(
        title="SEC ticker list",
        position=10,
        recognizes=_is_listing_record,
        load=lambda paths, rejections, progress: load_sec_list(paths[0], timezone.localdate(), rejections, progress),
        is_single=True,
    )
)
