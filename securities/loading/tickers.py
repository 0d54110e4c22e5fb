"""Load the SEC's list of tickers: one staged list, merged in one transaction."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction

from ncfd_site.core import sql
from ncfd_site.ingest.batches import valid_records
from ncfd_site.ingest.progress import LoadProgress
from ncfd_site.ingest.records import InputError, Record, RejectedRecord, SourceLocation
from ncfd_site.ingest.rejections import Rejections
from ncfd_site.ingest.runs import record_run
from ncfd_site.ingest.staging import serialize_loads
from ncfd_site.ingest.summary import LoadSummary
from securities.loading import statements
from securities.loading.listing import Listing

RUN_SOURCE = "sec_tickers"
# `metadata ->> 'source'` of what this loader made: it ends only its own securities.
SOURCE = "sec"
# A list that lets more of the listed securities go than this share is more likely cut short than true.
MOST_GONE = 0.5
# Of a handful of securities half may well go.
FEW = 10


@dataclass(frozen=True, slots=True)
class _Refused:
    line: int
    record: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Merged:
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Closed:
    moved: bool


@dataclass(frozen=True, slots=True)
class _Gone:
    vanished: int
    held: int


def load_tickers(
    rows: Iterable[Record[Listing] | RejectedRecord],
    *,
    file: str,
    as_of: date,
    rejections: Rejections,
    progress: LoadProgress,
    allow_mass_delisting: bool = False,
) -> LoadSummary:
    """Make companies, exchanges and securities what the list says for `as_of`; all of it or, on an error, nothing.

    Raises `WrongInput` for a date before the last list's, and for a list that would delist more than half of the
    securities that came from it, unless that is allowed.
    """
    summary = LoadSummary(["companies", "exchanges", "securities"])
    with record_run(RUN_SOURCE) as run:
        with transaction.atomic():
            serialize_loads()
            keys: dict[str, Any] = {"as_of": as_of, "source": SOURCE, "run_source": RUN_SOURCE}
            _require_later(as_of, keys)
            before = rejections.count
            staged = statements.STAGE.fill(_staged(valid_records(rows, rejections), progress))
            statements.STAGE.index("ticker_norm", "cik")
            for statement in (statements.DOUBLED, statements.TAKEN):
                for refused in sql.rows(statement, keys, of=_Refused):
                    rejections.reject(SourceLocation(file, refused.line, refused.record), refused.reason)
                    staged -= 1
            _require_plausible(staged, keys, allow_mass_delisting)
            _merge(staged, keys, summary)
        # Last, also when a run before this one stopped short of it.
        sql.execute("REFRESH MATERIALIZED VIEW v_active_us_securities")
        run.since = run.until = as_of
        summary.add("securities", rejected=rejections.count - before)
        run.returned = staged + summary.count("securities", "rejected")
        run.processed = staged
        run.notes = f"list of {as_of}: {staged} tickers, {summary.count('securities', 'rejected')} rows rejected"
    return summary


def _staged(rows: Iterable[Record[Listing]], progress: LoadProgress) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        listing = row.value
        yield (
            row.place.line,
            row.place.record,
            listing.cik,
            listing.name,
            listing.name_norm,
            listing.ticker,
            listing.ticker_norm,
            listing.exchange,
            listing.type,
        )
        progress.add_records(1)


def _require_later(as_of: date, keys: dict[str, Any]) -> None:
    last = sql.value(statements.LAST_AS_OF, keys)
    if last is not None and as_of < last:
        raise InputError(f"A list as of {last} is loaded already: give --as-of {last} or a later date, not {as_of}.")


def _require_plausible(staged: int, keys: dict[str, Any], allow_mass_delisting: bool) -> None:
    if not staged:
        raise InputError("The list holds no usable row: nothing was changed.")
    (gone,) = sql.rows(statements.GONE, keys, of=_Gone)
    if gone.vanished > max(FEW, gone.held * MOST_GONE) and not allow_mass_delisting:
        raise InputError(
            f"The list lacks {gone.vanished:,} of {gone.held:,} listed tickers and would delist them; if it is whole,"
            " load it with --allow-mass-delisting."
        )


def _merge(staged: int, keys: dict[str, Any], summary: LoadSummary) -> None:
    exchanges = sql.value("SELECT count(DISTINCT upper(exchange)) FROM load_listing")
    made = sql.execute(statements.ADD_EXCHANGES, keys)
    summary.add("exchanges", added=made, unchanged=exchanges - made)
    sql.execute(statements.KEEP_FORMER_NAMES, keys)
    merged = sql.rows(statements.MERGE_COMPANIES, keys, of=_Merged)
    added = sum(company.is_new for company in merged)
    listed = sql.value("SELECT count(DISTINCT cik) FROM load_listing")
    summary.add("companies", added=added, changed=len(merged) - added, unchanged=listed - len(merged))
    closed = sql.rows(statements.CLOSE_SECURITIES, keys, of=_Closed)
    elsewhere = sql.execute(statements.MOVE_EXCHANGES, keys)
    new = sql.execute(statements.ADD_SECURITIES, keys)
    summary.add("securities", added=new, changed=len(closed) + elsewhere, unchanged=staged - new - elsewhere)
    if closed:
        moved = sum(security.moved for security in closed)
        summary.notes.append(
            f"{len(closed) - moved:,} tickers vanished and were delisted; {moved:,} moved to another company."
        )
