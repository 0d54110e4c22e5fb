"""The loads themselves: files to records, records to the apps."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from linkaudit.loading.audit_row import audit_rows
from linkaudit.loading.audits import load_audits
from linkaudit.loading.hp2 import propose_links
from ncfd_site.ingest.items import Bad, Good, Place, WrongInput
from ncfd_site.ingest.progress import Progress
from ncfd_site.ingest.refusals import Refusals
from ncfd_site.ingest.tally import Tally
from securities.loading.listing import listings
from securities.loading.tickers import load_tickers
from signals.loading.ctgov import load_studies, study_records
from signals.loading.record import TrialRecord
from storage.content import content_store


def load_sec_list(
    path: Path, as_of: date, refusals: Refusals, progress: Progress, *, allow_mass_delisting: bool = False
) -> Tally:
    """Make companies and securities what the SEC's list says."""
    return load_tickers(
        listings(path, progress.read),
        file=str(path),
        as_of=as_of,
        refusals=refusals,
        progress=progress,
        allow_mass_delisting=allow_mass_delisting,
    )


def load_registry(paths: Sequence[Path], refusals: Refusals, progress: Progress) -> Tally:
    """Load registry records, with a proposal of a link for each drug that they list."""
    return load_studies(
        _studies(paths, progress),
        propose=propose_links,
        store=content_store(),
        refusals=refusals,
        progress=progress,
    )


def load_proposals(path: Path, refusals: Refusals, progress: Progress) -> Tally:
    """Load proposals of other heuristics."""
    return load_audits(audit_rows(path, progress.read), store=content_store(), refusals=refusals, progress=progress)


def _studies(paths: Sequence[Path], progress: Progress) -> Iterator[Good[TrialRecord] | Bad]:
    for path in paths:
        try:
            yield from study_records(path, progress)
        except WrongInput as wrong:
            # One file of a folder that cannot be opened does not stop the ones after it.
            yield Bad(Place(str(path), 0), str(wrong))
