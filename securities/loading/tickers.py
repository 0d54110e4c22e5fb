"""Loading of the SEC's ticker list: staged, then merged in one transaction."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction

from ncfd_site.core import sql
from ncfd_site.ingest.batches import serialize_loads, valid_records
from ncfd_site.ingest.records import InputError, Record, RejectedRecord, Rejections, SourceLocation
from ncfd_site.ingest.runs import LoadProgress, LoadSummary, record_run
from securities.loading import statements
from securities.loading.listing import Listing

RUN_SOURCE = "sec_tickers"
# `metadata ->> 'source'` of rows from this loader; it closes only its own securities.
SOURCE = "sec"
# A list without more than this share of the listed securities is probably incomplete.
MAX_VANISHED_SHARE = 0.5
# This many securities may always vanish at once.
MAX_VANISHED_COUNT = 10


@dataclass(frozen=True, slots=True)
class _Rejected:
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
class _Vanished:
    vanished: int
    active: int


def load_tickers(
    rows: Iterable[Record[Listing] | RejectedRecord],
    *,
    file: str,
    as_of: date,
    rejections: Rejections,
    progress: LoadProgress,
    allow_mass_delisting: bool = False,
) -> LoadSummary:
    """Make companies, exchanges and securities match the list of the day `as_of`, all or nothing.

    Raises InputError for a list older than the latest one, and, unless allowed, for one that would delist more than
    half of the securities from earlier lists.
    """
    summary = LoadSummary(["companies", "exchanges", "securities"])
    with record_run(RUN_SOURCE) as run:
        with transaction.atomic():
            serialize_loads()
            keys: dict[str, Any] = {"as_of": as_of, "source": SOURCE, "run_source": RUN_SOURCE}
            latest = sql.value(statements.LAST_AS_OF, keys)
            if latest is not None and as_of < latest:
                raise InputError(
                    f"The list of {latest} is already loaded. Give --as-of {latest} or a later date, not {as_of}."
                )
            rejected_before = rejections.count
            staged = statements.STAGE.fill(_stage_rows(valid_records(rows, rejections), progress))
            statements.STAGE.index("ticker_norm", "cik")
            for statement in (statements.REJECT_DUPLICATES, statements.REJECT_TAKEN):
                for rejected in sql.rows(statement, keys, of=_Rejected):
                    rejections.reject(SourceLocation(file, rejected.line, rejected.record), rejected.reason)
                    staged -= 1
            _require_plausible(staged, keys, allow_mass_delisting)
            _merge(staged, keys, summary)
        # Outside the transaction: refreshed even after a run that stopped before it.
        sql.execute("REFRESH MATERIALIZED VIEW v_active_us_securities")
        run.since = run.until = as_of
        summary.add("securities", rejected=rejections.count - rejected_before)
        run.returned = staged + summary.count("securities", "rejected")
        run.processed = staged
        run.notes = f"list of {as_of}: {staged} tickers, {summary.count('securities', 'rejected')} rows rejected"
    return summary


def _stage_rows(rows: Iterable[Record[Listing]], progress: LoadProgress) -> Iterator[tuple[Any, ...]]:
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


def _require_plausible(staged: int, keys: dict[str, Any], allow_mass_delisting: bool) -> None:
    if not staged:
        raise InputError("The list contains no usable row. Nothing was changed.")
    (found,) = sql.rows(statements.COUNT_VANISHED, keys, of=_Vanished)
    limit = max(MAX_VANISHED_COUNT, found.active * MAX_VANISHED_SHARE)
    if found.vanished > limit and not allow_mass_delisting:
        raise InputError(
            f"The list lacks {found.vanished:,} of {found.active:,} listed tickers and would delist them. If it is"
            " complete, load it with --allow-mass-delisting."
        )


def _merge(staged: int, keys: dict[str, Any], summary: LoadSummary) -> None:
    exchanges = sql.value("SELECT count(DISTINCT upper(exchange)) FROM load_listing")
    added = sql.execute(statements.ADD_EXCHANGES, keys)
    summary.add("exchanges", added=added, unchanged=exchanges - added)
    sql.execute(statements.ADD_FORMER_NAMES, keys)
    merged = sql.rows(statements.MERGE_COMPANIES, keys, of=_Merged)
    added = sum(company.is_new for company in merged)
    companies = sql.value("SELECT count(DISTINCT cik) FROM load_listing")
    summary.add("companies", added=added, changed=len(merged) - added, unchanged=companies - len(merged))
    closed = sql.rows(statements.CLOSE_SECURITIES, keys, of=_Closed)
    moved_exchange = sql.execute(statements.MOVE_EXCHANGES, keys)
    added = sql.execute(statements.ADD_SECURITIES, keys)
    summary.add(
        "securities", added=added, changed=len(closed) + moved_exchange, unchanged=staged - added - moved_exchange
    )
    if closed:
        moved = sum(security.moved for security in closed)
        summary.notes.append(
            f"{len(closed) - moved:,} tickers vanished and were delisted; {moved:,} moved to another company."
        )
