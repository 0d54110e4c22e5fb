"""Loading of the SEC's ticker list: staged, then merged in one transaction by statements in the order below."""

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from datetime import date
from typing import Any

from django.db import transaction

from ncfd_site.core import sql
from ncfd_site.ingest.batches import Stage, serialize_loads, valid_records
from ncfd_site.ingest.records import InputError, Record, RejectedRecord, Rejections, SourceLocation
from ncfd_site.ingest.runs import LoadProgress, LoadSummary, record_run
from securities.loading.listing import Listing

RUN_SOURCE = "sec_tickers"
# `metadata ->> 'source'` of rows from this loader; it closes only its own securities.
SOURCE = "sec"
# A list without more than this share of the listed securities is probably incomplete.
MAX_VANISHED_SHARE = 0.5
# This many securities may always vanish at once.
MAX_VANISHED_COUNT = 10

# After `record`, the fields of `Listing`.
STAGE = Stage(
    "load_listing",
    {
        "line": "integer",
        "record": "integer",
        "cik": "bigint",
        "name": "text",
        "name_norm": "text",
        "ticker": "text",
        "ticker_norm": "text",
        "exchange": "text",
        "type": "security_type",
    },
)
ORDER = "line, record"
# Rejects rows whose ticker was on an earlier line.
REJECT_DUPLICATES = f"""
WITH ranked AS (
    SELECT ctid, line, record, ticker, row_number() OVER w AS place, first_value(line) OVER w AS first_line
    FROM load_listing WINDOW w AS (PARTITION BY ticker_norm ORDER BY {ORDER})
), rejected AS (
    DELETE FROM load_listing USING ranked WHERE load_listing.ctid = ranked.ctid AND ranked.place > 1
    RETURNING ranked.line, ranked.record,
        format('ticker %%s is already on line %%s', ranked.ticker, first_line) AS reason
)
SELECT line, record, reason FROM rejected ORDER BY {ORDER}
"""  # noqa: S608
# Rejects tickers that another source gave to another company in the period of the list.
REJECT_TAKEN = f"""
WITH rejected AS (
    DELETE FROM load_listing USING securities s, companies c
    WHERE s.ticker_norm = load_listing.ticker_norm AND c.company_id = s.company_id AND c.cik <> load_listing.cik
      AND s.metadata ->> 'source' IS DISTINCT FROM %(source)s
      AND (s.status = 'active' OR s.effective_range && daterange(%(as_of)s, NULL))
    RETURNING line, record,
        format('ticker %%s belongs to %%s according to another source', load_listing.ticker, c.name) AS reason
)
SELECT DISTINCT ON ({ORDER}) line, record, reason FROM rejected ORDER BY {ORDER}
"""  # noqa: S608
# Date of the latest list, from the runs and from the securities.
LAST_AS_OF = """
SELECT greatest(
    (SELECT max(until_date) FROM ingest_runs WHERE source = %(run_source)s AND finished_at IS NOT NULL),
    (SELECT max(greatest(lower(effective_range), upper(effective_range))) FROM securities
     WHERE metadata ->> 'source' = %(source)s)
)
"""
ADD_EXCHANGES = f"""
INSERT INTO exchanges (code, name, is_allowed, metadata)
SELECT DISTINCT ON (upper(code)) upper(code), name, false, jsonb_build_object('source', %(source)s::text)
FROM (SELECT CASE exchange WHEN '' THEN 'UNKNOWN' ELSE exchange END AS code,
             CASE exchange WHEN '' THEN 'Not stated' ELSE exchange END AS name, line, record FROM load_listing) listed
WHERE NOT EXISTS (SELECT FROM exchanges known WHERE upper(known.code) = upper(listed.code))
ORDER BY upper(code), {ORDER}
ON CONFLICT DO NOTHING
"""  # noqa: S608
ADD_FORMER_NAMES = f"""
INSERT INTO company_aliases (company_id, alias, alias_norm, alias_type, source, end_date)
SELECT c.company_id, c.name, c.name_norm, 'former_name', %(source)s, %(as_of)s
FROM companies c
JOIN (SELECT DISTINCT ON (cik) cik, name FROM load_listing ORDER BY cik, {ORDER}) listed USING (cik)
WHERE c.name <> listed.name
ON CONFLICT (company_id, alias_norm, alias_type) DO NOTHING
"""  # noqa: S608
# The name of a company is that of its first row.
MERGE_COMPANIES = f"""
INSERT INTO companies (cik, name, name_norm, metadata)
SELECT DISTINCT ON (cik) cik, name, name_norm, jsonb_build_object('source', %(source)s::text)
FROM load_listing ORDER BY cik, {ORDER}
ON CONFLICT (cik) DO UPDATE
    SET name = excluded.name, name_norm = excluded.name_norm, updated_at = now()
    WHERE companies.name <> excluded.name
RETURNING xmax = 0 AS is_new
"""  # noqa: S608
_IS_LISTED = """
EXISTS (SELECT FROM load_listing l JOIN companies c USING (cik)
        WHERE l.ticker_norm = s.ticker_norm AND c.company_id = s.company_id)
"""
_IS_OPEN = "s.metadata ->> 'source' = %(source)s AND (s.status = 'active' OR upper_inf(s.effective_range))"
COUNT_VANISHED = f"""
SELECT count(*) FILTER (WHERE NOT EXISTS (SELECT FROM load_listing l WHERE l.ticker_norm = s.ticker_norm)) AS vanished,
       count(*) AS active
FROM securities s WHERE {_IS_OPEN} AND s.status = 'active'
"""  # noqa: S608
# A security that was opened for this very day gets an empty range.
CLOSE_SECURITIES = f"""
UPDATE securities s
SET status = CASE s.status WHEN 'acquired' THEN s.status ELSE 'delisted' END, updated_at = now(),
    effective_range = CASE WHEN lower(s.effective_range) >= %(as_of)s THEN 'empty'
                           ELSE daterange(lower(s.effective_range), least(upper(s.effective_range), %(as_of)s)) END
WHERE {_IS_OPEN} AND NOT {_IS_LISTED}
RETURNING EXISTS (SELECT FROM load_listing l WHERE l.ticker_norm = s.ticker_norm) AS moved
"""  # noqa: S608
_EXCHANGE = """
(SELECT min(x.exchange_id) FROM exchanges x
 WHERE upper(x.code) = CASE l.exchange WHEN '' THEN 'UNKNOWN' ELSE upper(l.exchange) END)
"""
MOVE_EXCHANGES = f"""
UPDATE securities s SET exchange_id = listed.exchange_id, updated_at = now()
FROM (SELECT l.ticker_norm, c.company_id, {_EXCHANGE} AS exchange_id
      FROM load_listing l JOIN companies c USING (cik)) listed
WHERE {_IS_OPEN} AND s.ticker_norm = listed.ticker_norm AND s.company_id = listed.company_id
  AND s.exchange_id <> listed.exchange_id
"""  # noqa: S608
ADD_SECURITIES = f"""
WITH added AS (
    INSERT INTO securities
        (company_id, exchange_id, ticker, ticker_norm, type, status, effective_range, cik, metadata)
    SELECT c.company_id, {_EXCHANGE}, l.ticker, l.ticker_norm, l.type, 'active', daterange(%(as_of)s, NULL), l.cik,
           jsonb_build_object('source', %(source)s::text)
    FROM load_listing l JOIN companies c USING (cik)
    WHERE NOT EXISTS (
        SELECT FROM securities s WHERE s.ticker_norm = l.ticker_norm
          AND (s.status = 'active' OR s.effective_range && daterange(%(as_of)s, NULL)))
    ORDER BY {ORDER}
    RETURNING company_id, security_id
)
INSERT INTO company_securities (company_id, security_id) SELECT company_id, security_id::text FROM added
ON CONFLICT DO NOTHING
"""  # noqa: S608


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
            latest = sql.value(LAST_AS_OF, keys)
            if latest is not None and as_of < latest:
                raise InputError(
                    f"The list of {latest} is already loaded. Give --as-of {latest} or a later date, not {as_of}."
                )
            rejected_before = rejections.count
            staged = STAGE.fill(_iter_staging_rows(valid_records(rows, rejections), progress))
            STAGE.index("ticker_norm", "cik")
            for statement in (REJECT_DUPLICATES, REJECT_TAKEN):
                for rejected in sql.rows(statement, keys, of=_Rejected):
                    place = SourceLocation(file, rejected.line, rejected.record)
                    rejections.add(RejectedRecord(place, rejected.reason))
                    staged -= 1
            _require_plausible_listing(staged, keys, allow_mass_delisting)
            _merge_staged_listing(staged, keys, summary)
        # Outside the transaction: refreshed even after a run that stopped before it.
        sql.execute("REFRESH MATERIALIZED VIEW v_active_us_securities")
        run.since = run.until = as_of
        summary.add("securities", rejected=rejections.count - rejected_before)
        run.returned = staged + summary.count("securities", "rejected")
        run.processed = staged
        run.notes = f"list of {as_of}: {staged} tickers, {summary.count('securities', 'rejected')} rows rejected"
    return summary


def _iter_staging_rows(rows: Iterable[Record[Listing]], progress: LoadProgress) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        yield (row.place.line, row.place.record, *astuple(row.value))
        progress.add_records(1)


def _require_plausible_listing(staged: int, keys: dict[str, Any], allow_mass_delisting: bool) -> None:
    if not staged:
        raise InputError("The list contains no usable row. Nothing was changed.")
    (found,) = sql.rows(COUNT_VANISHED, keys, of=_Vanished)
    limit = max(MAX_VANISHED_COUNT, found.active * MAX_VANISHED_SHARE)
    if found.vanished > limit and not allow_mass_delisting:
        raise InputError(
            f"The list lacks {found.vanished:,} of {found.active:,} listed tickers and would delist them. If it is"
            " complete, load it with --allow-mass-delisting."
        )


def _merge_staged_listing(staged: int, keys: dict[str, Any], summary: LoadSummary) -> None:
    exchanges = sql.value("SELECT count(DISTINCT upper(exchange)) FROM load_listing")
    added = sql.execute(ADD_EXCHANGES, keys)
    summary.add("exchanges", added=added, unchanged=exchanges - added)
    sql.execute(ADD_FORMER_NAMES, keys)
    merged = sql.rows(MERGE_COMPANIES, keys, of=_Merged)
    added = sum(company.is_new for company in merged)
    companies = sql.value("SELECT count(DISTINCT cik) FROM load_listing")
    summary.add("companies", added=added, changed=len(merged) - added, unchanged=companies - len(merged))
    closed = sql.rows(CLOSE_SECURITIES, keys, of=_Closed)
    moved_exchange = sql.execute(MOVE_EXCHANGES, keys)
    added = sql.execute(ADD_SECURITIES, keys)
    summary.add(
        "securities", added=added, changed=len(closed) + moved_exchange, unchanged=staged - added - moved_exchange
    )
    if closed:
        moved = sum(security.moved for security in closed)
        summary.notes.append(
            f"{len(closed) - moved:,} tickers vanished and were delisted; {moved:,} moved to another company."
        )
