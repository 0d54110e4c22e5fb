"""Loading of the SEC's ticker list: staged, then merged in one transaction by statements in the order below."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from datetime import date
from typing import Any

from django.db import transaction

from ncfd_site.core import sql
from ncfd_site.ingest.batches import Stage, serialize_loads, valid_records
from ncfd_site.ingest.records import InputError, Record, RejectedRecord, Rejections, SourceLocation
from ncfd_site.ingest.runs import LoadProgress, LoadSummary, record_run
from securities.loading.aliases import add_bundled_aliases
from securities.loading.listing import Listing

_WORD = re.compile(r"[A-Z0-9.\-/=^+*$]+")
RUN_SOURCE = "sec_tickers"
# `metadata ->> 'source'` of rows from this loader; it closes only its own securities.
SOURCE = "sec"
# A list that delists more than this share of the listed securities is probably incomplete. The largest true loss in
# nine lists was 21 % in 13 months.
MAX_DELISTED_SHARE = 0.25
# This many securities may always be delisted at once.
MAX_DELISTED_COUNT = 10

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
# Words of rejected rows: tickers and CIKs among them are not delisted. A row without `number` names its own ticker.
REJECTED_WORDS = Stage("load_rejected", {"number": "integer", "word": "text"})
ORDER = "line, record"
# The last letter of a Nasdaq ticker states the type if the rest, or the rest without a class letter, is a ticker of the
# same company: HUMA and HUMAW, OCS and OCSAW. L is left out: GOOGL.
SET_TYPES = """
UPDATE load_listing l SET type = CASE right(l.ticker_norm, 1) WHEN 'W' THEN 'warrant' WHEN 'U' THEN 'unit'
                                 WHEN 'R' THEN 'right' ELSE 'preferred' END::security_type
FROM load_listing base
WHERE l.type = 'common' AND base.cik = l.cik AND length(base.ticker_norm) >= 3
  AND (base.ticker_norm = left(l.ticker_norm, -1) AND right(l.ticker_norm, 1) IN ('W', 'U', 'R')
       OR length(l.ticker_norm) = 5 AND base.ticker_norm = left(l.ticker_norm, 4)
          AND right(l.ticker_norm, 1) IN ('M', 'N', 'O', 'P')
       OR length(l.ticker_norm) = 5 AND base.ticker_norm = left(l.ticker_norm, 3)
          AND right(l.ticker_norm, 1) IN ('W', 'U', 'R'))
"""
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
# `metadata` names the run that wrote a row, and holds the row before it: `revert_load` restores it.
_ADDED = "jsonb_build_object('source', %(source)s::text, 'run', %(run)s::integer)"
_CHANGED = "metadata || jsonb_build_object('run', %(run)s::integer, 'before', to_jsonb({0}))"
ADD_EXCHANGES = f"""
INSERT INTO exchanges (code, name, is_allowed, metadata)
SELECT DISTINCT ON (upper(code)) upper(code), name, false, {_ADDED}
FROM (SELECT coalesce(nullif(exchange, ''), 'UNKNOWN') AS code, coalesce(nullif(exchange, ''), 'Not stated') AS name,
             line, record FROM load_listing) listed
WHERE NOT EXISTS (SELECT FROM exchanges known WHERE upper(known.code) = upper(listed.code))
ORDER BY upper(code), {ORDER}
ON CONFLICT DO NOTHING
"""  # noqa: S608
ADD_FORMER_NAMES = f"""
INSERT INTO company_aliases (company_id, alias, alias_norm, alias_type, source, end_date, metadata)
SELECT c.company_id, c.name, c.name_norm, 'former_name', %(source)s, %(as_of)s, {_ADDED}
FROM companies c
JOIN (SELECT DISTINCT ON (cik) cik, name FROM load_listing ORDER BY cik, {ORDER}) listed USING (cik)
WHERE regexp_replace(upper(c.name), '[^[:alnum:]]', '', 'g')
      <> regexp_replace(upper(listed.name), '[^[:alnum:]]', '', 'g')
ON CONFLICT (company_id, alias_norm, alias_type) DO NOTHING
"""  # noqa: S608
# The name of a company is that of its first row.
MERGE_COMPANIES = f"""
INSERT INTO companies (cik, name, name_norm, metadata)
SELECT DISTINCT ON (cik) cik, name, name_norm, {_ADDED}
FROM load_listing ORDER BY cik, {ORDER}
ON CONFLICT (cik) DO UPDATE
    SET name = excluded.name, name_norm = excluded.name_norm, updated_at = now(),
        metadata = companies.{_CHANGED.format("companies")}
    WHERE companies.name <> excluded.name
RETURNING xmax = 0 AS is_new
"""  # noqa: S608
_IS_LISTED = """
EXISTS (SELECT FROM load_listing l JOIN companies c USING (cik)
        WHERE l.ticker_norm = s.ticker_norm AND c.company_id = s.company_id)
"""
_IS_OPEN = "s.metadata ->> 'source' = %(source)s AND (s.status = 'active' OR upper_inf(s.effective_range))"
# A ticker that no row names stays listed if a rejected row may name it.
_IS_REJECTED = """
NOT EXISTS (SELECT FROM load_listing l WHERE l.ticker_norm = s.ticker_norm)
AND (%(keep_all)s OR s.ticker_norm IN (SELECT word FROM load_rejected)
     OR s.company_id IN (SELECT c.company_id FROM load_rejected r JOIN companies c ON c.cik::text = r.word))
"""
# Whether a rejected row names no ticker and no company: any ticker that vanished may be its.
HAS_NAMELESS_ROW = f"""
SELECT EXISTS (
    SELECT FROM load_rejected WHERE number IS NOT NULL GROUP BY number
    HAVING NOT bool_or(word IN (SELECT s.ticker_norm FROM securities s WHERE {_IS_OPEN}
                                UNION SELECT c.cik::text FROM securities s JOIN companies c USING (company_id)
                                WHERE {_IS_OPEN}))
)
"""  # noqa: S608
_IS_DELISTED = f"{_IS_OPEN} AND NOT {_IS_LISTED} AND NOT ({_IS_REJECTED})"
COUNT_DELISTED = f"""
SELECT count(*) FILTER (WHERE {_IS_DELISTED}) AS delisted,
       count(*) FILTER (WHERE NOT {_IS_LISTED} AND {_IS_REJECTED}) AS kept, count(*) AS active
FROM securities s WHERE {_IS_OPEN} AND s.status = 'active'
"""  # noqa: S608
# A ticker that moves to a company of the same name, while the old company keeps none, shows that the company
# registered again.
ADD_SUCCESSIONS = f"""
INSERT INTO company_relationships (parent_company_id, child_company_id, rel_type, start_date, created_at)
SELECT DISTINCT new.company_id, old.company_id, 'predecessor', %(as_of)s::date, statement_timestamp()
FROM securities s JOIN companies old USING (company_id)
JOIN load_listing l USING (ticker_norm) JOIN companies new ON new.cik = l.cik
WHERE {_IS_OPEN} AND new.name_norm = old.name_norm AND NOT EXISTS (SELECT FROM load_listing o WHERE o.cik = old.cik)
ON CONFLICT DO NOTHING
"""  # noqa: S608
# A security that was opened for this very day gets an empty range.
CLOSE_SECURITIES = f"""
UPDATE securities s
SET metadata = s.{_CHANGED.format("s")}, updated_at = now(),
    status = CASE s.status WHEN 'acquired' THEN s.status ELSE 'delisted' END,
    effective_range = CASE WHEN lower(s.effective_range) >= %(as_of)s THEN 'empty'
                           ELSE daterange(lower(s.effective_range), least(upper(s.effective_range), %(as_of)s)) END
WHERE {_IS_DELISTED}
RETURNING EXISTS (SELECT FROM load_listing l WHERE l.ticker_norm = s.ticker_norm) AS moved
"""  # noqa: S608
_EXCHANGE = """
(SELECT min(x.exchange_id) FROM exchanges x
 WHERE upper(x.code) = coalesce(nullif(upper(l.exchange), ''), 'UNKNOWN'))
"""
# A list without exchanges keeps those that are known; a type that a list has proved stays.
UPDATE_SECURITIES = f"""
UPDATE securities s SET exchange_id = listed.exchange_id, type = listed.type, updated_at = now(),
    metadata = s.{_CHANGED.format("s")}
FROM (SELECT o.security_id, CASE WHEN l.exchange IS NULL THEN o.exchange_id ELSE {_EXCHANGE} END AS exchange_id,
             CASE o.type WHEN 'common' THEN l.type ELSE o.type END AS type
      FROM load_listing l JOIN companies c USING (cik)
      JOIN securities o ON o.ticker_norm = l.ticker_norm AND o.company_id = c.company_id) listed
WHERE {_IS_OPEN} AND s.security_id = listed.security_id
  AND (s.exchange_id, s.type) <> (listed.exchange_id, listed.type)
"""  # noqa: S608
ADD_SECURITIES = f"""
WITH added AS (
    INSERT INTO securities
        (company_id, exchange_id, ticker, ticker_norm, type, status, effective_range, cik, metadata)
    SELECT c.company_id, {_EXCHANGE}, l.ticker, l.ticker_norm, l.type, 'active', daterange(%(as_of)s, NULL), l.cik,
           {_ADDED}
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
class _Delisted:
    delisted: int
    kept: int
    active: int


def load_tickers(
    rows: Iterable[Record[Listing] | RejectedRecord],
    *,
    file: str,
    as_of: date,
    rejections: Rejections,
    progress: LoadProgress,
    allow_delisting: int = 0,
) -> LoadSummary:
    """Make companies, exchanges and securities match the list of the day `as_of`, all or nothing.

    Raises InputError for a list older than the latest one, for a list that is cut or damaged, and for one that would
    delist more than a quarter of the securities from earlier lists, and more than `allow_delisting`.
    """
    summary = LoadSummary(["companies", "exchanges", "securities"])
    with record_run(RUN_SOURCE) as run:
        with transaction.atomic():
            serialize_loads()
            keys: dict[str, Any] = {
                "as_of": as_of, "source": SOURCE, "run_source": RUN_SOURCE, "run": run.run_id
            }  # fmt: skip
            latest = sql.value(LAST_AS_OF, keys)
            if latest is not None and as_of < latest:
                raise InputError(
                    f"The list of {latest} is already loaded. Give --as-of {latest} or a later date, not {as_of}."
                )
            rejected_before = rejections.count
            words: list[tuple[int | None, str]] = []
            staged = STAGE.fill(_iter_staging_rows(valid_records(_collect_words(rows, words), rejections), progress))
            STAGE.index("ticker_norm", "cik")
            REJECTED_WORDS.fill(words)
            sql.execute(SET_TYPES)
            for statement in (REJECT_DUPLICATES, REJECT_TAKEN):
                for rejected in sql.rows(statement, keys, of=_Rejected):
                    place = SourceLocation(file, rejected.line, rejected.record)
                    rejections.add(RejectedRecord(place, rejected.reason))
                    staged -= 1
            keys["keep_all"] = sql.value(HAS_NAMELESS_ROW, keys)
            _require_plausible_listing(staged, keys, allow_delisting, summary)
            _merge_staged_listing(staged, keys, summary)
            if bundled := add_bundled_aliases(run.run_id):
                summary.notes.append(f"{bundled:,} names of subsidiaries and brands were added.")
        # Outside the transaction: refreshed even after a run that stopped before it.
        sql.execute("SELECT refresh_active_us_securities()")
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


def _collect_words(
    rows: Iterable[Record[Listing] | RejectedRecord], words: list[tuple[int | None, str]]
) -> Iterator[Record[Listing] | RejectedRecord]:
    """Yield the rows; add the words of each rejected one, in capitals and without leading zeros, to `words`."""
    for row in rows:
        if isinstance(row, RejectedRecord):
            found = [word.lstrip("0") for word in _WORD.findall(row.text.upper())]
            number = None if len(found) == 1 else row.place.record or row.place.line
            words += [(number, word) for word in found] or [(number, "")]
        yield row


def _require_plausible_listing(staged: int, keys: dict[str, Any], allowed: int, summary: LoadSummary) -> None:
    if not staged:
        raise InputError("The list contains no usable row. Nothing was changed.")
    (found,) = sql.rows(COUNT_DELISTED, keys, of=_Delisted)
    limit = max(MAX_DELISTED_COUNT, found.active * MAX_DELISTED_SHARE, allowed)
    if found.delisted > limit:
        raise InputError(
            f"The list would delist {found.delisted:,} of {found.active:,} listed tickers. If it is complete, load it"
            f" with --allow-delisting {found.delisted}."
        )
    if found.kept:
        summary.notes.append(f"{found.kept:,} tickers stay listed, because rows that may name them were rejected.")


def _merge_staged_listing(staged: int, keys: dict[str, Any], summary: LoadSummary) -> None:
    exchanges = sql.value("SELECT count(DISTINCT upper(coalesce(exchange, ''))) FROM load_listing")
    added = sql.execute(ADD_EXCHANGES, keys)
    summary.add("exchanges", added=added, unchanged=exchanges - added)
    sql.execute(ADD_FORMER_NAMES, keys)
    merged = sql.rows(MERGE_COMPANIES, keys, of=_Merged)
    added = sum(company.is_new for company in merged)
    companies = sql.value("SELECT count(DISTINCT cik) FROM load_listing")
    summary.add("companies", added=added, changed=len(merged) - added, unchanged=companies - len(merged))
    sql.execute(ADD_SUCCESSIONS, keys)
    closed = sql.rows(CLOSE_SECURITIES, keys, of=_Closed)
    updated = sql.execute(UPDATE_SECURITIES, keys)
    added = sql.execute(ADD_SECURITIES, keys)
    summary.add("securities", added=added, changed=len(closed) + updated, unchanged=staged - added - updated)
    if closed:
        moved = sum(security.moved for security in closed)
        summary.notes.append(
            f"{len(closed) - moved:,} tickers vanished and were delisted; {moved:,} moved to another company."
        )
