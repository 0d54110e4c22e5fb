"""Loading of names under which companies sponsor trials: subsidiaries, brands, short and former names."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from ncfd_site.core import sql
from ncfd_site.ingest.batches import Stage, serialize_loads, valid_records
from ncfd_site.ingest.csv_records import read_csv_rows
from ncfd_site.ingest.records import InvalidRecord, Record, RejectedRecord, Rejections, SourceLocation
from ncfd_site.ingest.runs import LoadProgress, LoadSummary, record_run
from ncfd_site.ingest.text import collapse_spaces, require_length
from securities.loading.listing import parse_cik
from securities.loading.names import normalize_company_name

# Source of the run, and `metadata ->> 'source'` of the aliases.
SOURCE = "sponsor_aliases"
COLUMNS = ("sponsor", "cik", "relation", "source")
# Types of aliases that name a sponsor.
RELATIONS = ("subsidiary", "brand", "short", "former_name", "legal", "aka", "dba")
# Well-known names, each with the page that proves it.
BUNDLED = Path(__file__).with_name("sponsor_aliases.csv")
_STAGE = Stage(
    "load_alias",
    {"line": "integer", "sponsor": "text", "norm": "text", "cik": "bigint", "relation": "alias_type", "source": "text"},
)
REJECT_UNKNOWN = """
SELECT line, 'no company has CIK ' || cik || ': load the SEC''s ticker list first' AS reason FROM load_alias
WHERE cik NOT IN (SELECT cik FROM companies) ORDER BY line
"""
ADD_ALIASES = """
INSERT INTO company_aliases (company_id, alias, alias_norm, alias_type, source, source_url, metadata)
SELECT DISTINCT ON (c.company_id, l.norm, l.relation) c.company_id, l.sponsor, l.norm, l.relation, %(source)s,
       CASE WHEN l.source ~ '^https?://' THEN l.source END,
       jsonb_build_object('source', %(source)s::text, 'run', %(run)s::integer, 'evidence', l.source)
FROM load_alias l JOIN companies c USING (cik) ORDER BY c.company_id, l.norm, l.relation, l.line
ON CONFLICT (company_id, alias_norm, alias_type) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class _Unknown:
    line: int
    reason: str


def load_aliases(path: Path, rejections: Rejections, progress: LoadProgress) -> LoadSummary:
    """Add the names of a CSV file to the aliases of its companies, all or nothing.

    Raises InputError if a column is missing. Rows of unknown companies are rejected.
    """
    summary = LoadSummary(["aliases"])
    before = rejections.count
    with record_run(SOURCE) as run, transaction.atomic():
        serialize_loads()
        rows = list(valid_records(_read_rows(path, progress), rejections))
        _STAGE.fill((row.place.line, *row.value) for row in rows)
        unknown = sql.rows(REJECT_UNKNOWN, of=_Unknown)
        for row in unknown:
            rejections.add(RejectedRecord(SourceLocation(str(path), row.line), row.reason))
        run.processed = sql.execute(ADD_ALIASES, {"source": SOURCE, "run": run.run_id})
        rejected, usable = rejections.count - before, len(rows) - len(unknown)
        summary.add("aliases", added=run.processed, unchanged=usable - run.processed, rejected=rejected)
        run.returned = usable + rejected
        run.include_date(sql.value("SELECT current_date"))
        run.notes = f"{path.name}: {run.processed} aliases added"
    return summary


def add_bundled_aliases(run_id: int) -> int:
    """Add the well-known names of the companies in the database, in the transaction of a load."""
    rows = [row for row in _read_rows(BUNDLED, LoadProgress()) if isinstance(row, Record)]
    _STAGE.fill((row.place.line, *row.value) for row in rows)
    return sql.execute(ADD_ALIASES, {"source": SOURCE, "run": run_id})


def _read_rows(path: Path, progress: LoadProgress) -> Iterator[Record[tuple[Any, ...]] | RejectedRecord]:
    for row in read_csv_rows(path, COLUMNS, progress.add_bytes):
        if isinstance(row, RejectedRecord):
            yield row
            continue
        try:
            yield Record(row.place, _parse_row(row.value))
        except InvalidRecord as error:
            yield RejectedRecord(row.place, str(error))


def _parse_row(row: dict[str, str]) -> tuple[str, str, int, str, str]:
    """Return sponsor, its normalized name, CIK, relation and source of an alias; raises `InvalidRecord`."""
    sponsor = require_length(collapse_spaces(row["sponsor"]), 300, "the sponsor")
    norm, relation, source = normalize_company_name(sponsor), row["relation"].strip().lower(), row["source"].strip()
    if not norm:
        raise InvalidRecord("the sponsor is missing")
    cik = parse_cik(row["cik"])
    if relation not in RELATIONS:
        raise InvalidRecord(f"the relation is {relation[:40]!r}: expected one of {', '.join(RELATIONS)}")
    if not source:
        raise InvalidRecord("the source is missing: write the page that proves the relation")
    return sponsor, norm, cik, relation, source
