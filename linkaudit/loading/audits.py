"""Load proposals of links that other heuristics made, with the labels that they carry."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from linkaudit.loading.asset_names import core_name
from linkaudit.loading.assets import UNSPECIFIED, find_or_add_assets
from linkaudit.loading.audit_row import AuditRow
from linkaudit.loading.citations import citation_document, citation_numbers
from linkaudit.models import LinkReview
from ncfd_site.core import sql
from ncfd_site.ingest.batches import Counts, Stage, dump_json, serialize_loads, valid_records, write_batches
from ncfd_site.ingest.records import Record, RejectedRecord, Rejections
from ncfd_site.ingest.runs import OUTCOMES, LoadProgress, LoadSummary, Run, record_run
from storage.content import ContentStore
from storage.loading import add_documents, find_known_documents

RUN_SOURCE = "link_audits"
ALIAS_SOURCE = "link audits"
THINGS = ["links", "labels", "documents", "assets"]

_STAGE = Stage(
    "load_audit",
    {
        "place": "integer",
        "doc_id": "bigint",
        "asset_id": "bigint",
        "nct_id": "text",
        "link_type": "text",
        "heuristic": "text",
        "confidence": "numeric",
        "evidence": "jsonb",
        "label": "boolean",
        "label_source": "text",
        "reviewed_by": "text",
        "reviewed_at": "timestamptz",
        "review_notes": "text",
    },
)
_SAME = """known.doc_id = l.doc_id AND known.asset_id = l.asset_id AND known.nct_id = l.nct_id
    AND known.heuristic_applied = l.heuristic AND known.link_type = l.link_type"""

_ADD = f"""
INSERT INTO link_audit (doc_id, asset_id, nct_id, link_type, heuristic_applied, confidence, evidence_jsonb,
                        label, label_source, reviewed_by, reviewed_at, review_notes)
SELECT doc_id, asset_id, nct_id, link_type, heuristic, confidence, evidence,
       label, label_source, reviewed_by, CASE WHEN label IS NOT NULL THEN coalesce(reviewed_at, now()) END, review_notes
FROM load_audit l WHERE NOT EXISTS (SELECT FROM link_audit known WHERE {_SAME}) ORDER BY place
RETURNING label IS NOT NULL AS is_labelled
"""  # noqa: S608

# What people saw or a gold standard says outranks what came from outside; people outrank all.
_RANK = "array_position(ARRAY['external_validation', 'gold_standard', 'human_review'], {})"
_MAY_LABEL = f"""
l.label IS NOT NULL AND l.label IS DISTINCT FROM known.label AND (
    known.label IS NULL OR known.label_source IS DISTINCT FROM 'human_review'
    AND {_RANK.format("l.label_source")} >= coalesce({_RANK.format("known.label_source")}, 0))
"""
_LABEL = f"""
UPDATE link_audit known SET label = l.label, label_source = l.label_source, reviewed_by = l.reviewed_by,
    reviewed_at = coalesce(l.reviewed_at, now()), review_notes = coalesce(l.review_notes, known.review_notes),
    updated_at = now()
FROM load_audit l WHERE {_SAME} AND {_MAY_LABEL}
"""  # noqa: S608
_CONFLICTS = f"""
SELECT count(*) FROM load_audit l JOIN link_audit known ON {_SAME}
WHERE l.label IS NOT NULL AND known.label <> l.label
"""  # noqa: S608
_CITE = """
INSERT INTO document_citations (doc_id, pmid, doi)
SELECT doc_id, pmid, doi FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS listed (doc_id, pmid, doi)
WHERE pmid IS NOT NULL OR doi IS NOT NULL
ON CONFLICT (doc_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class _Added:
    is_labelled: bool


def load_audits(
    rows: Iterable[Record[AuditRow] | RejectedRecord],
    *,
    store: ContentStore,
    rejections: Rejections,
    progress: LoadProgress,
) -> LoadSummary:
    """Bring every proposal into the database. The same proposal again is left; a label it brings is added.

    A label is only replaced by one of the same or a higher rank (external validation, gold standard, human review),
    and what a person said is never replaced; such a conflict is counted and told.
    """
    summary = LoadSummary(THINGS)
    before = rejections.count
    with record_run(RUN_SOURCE) as run:
        writer = _Writer(run, store)
        for counts in write_batches(
            valid_records(rows, rejections), writer.write, key=_key, rejections=rejections, progress=progress
        ):
            summary.merge(counts)
        summary.add("links", rejected=rejections.count - before)
        run.returned = sum(summary.count("links", outcome) for outcome in OUTCOMES)
        run.processed = summary.written_count("links")
        run.notes = (
            f"links: {summary.count('links', 'added')} added, {summary.count('links', 'changed')} changed,"
            f" {summary.count('links', 'unchanged')} unchanged, {summary.count('links', 'rejected')} rejected"
        )
        if conflicts := summary.count("conflicts", "unchanged"):
            summary.notes.append(f"{conflicts:,} labels differ from one that counts for more, and were left out.")
    return summary


def _key(row: AuditRow) -> tuple[str, ...]:
    # Two spellings of an asset are one asset, so one proposal: the second comes in a later batch, as an update.
    return row.source_url, core_name(row.asset), row.nct_id, row.heuristic, row.link_type


class _Writer:
    """Writes batches of one load."""

    def __init__(self, run: Run, store: ContentStore) -> None:
        self._run = run
        self._store = store

    def write(self, batch: Sequence[Record[AuditRow]]) -> Counts:
        """Write one batch inside the current transaction; returns what was added, changed and left."""
        serialize_loads()
        rows = [item.value for item in batch]
        documents, new = self._documents(rows)
        assets = find_or_add_assets([row.asset or UNSPECIFIED for row in rows], ALIAS_SOURCE)
        # Names that share nothing may be aliases of one asset too: then the first proposal counts.
        staged: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        for place, row in enumerate(rows):
            asset_id = assets.by_name[row.asset or UNSPECIFIED]
            key = (documents[row.source_url], asset_id, row.nct_id, row.heuristic, row.link_type)
            staged.setdefault(key, _staged(place, documents[row.source_url], asset_id, row))
        _STAGE.fill(staged.values())
        # The labels are recorded as those of a loader.
        sql.scalar("set_config", "ncfd.review_mode", LinkReview.Mode.LOAD, True)
        labelled = sql.execute(_LABEL)
        conflicts = sql.value(_CONFLICTS)
        added = sql.rows(_ADD, of=_Added)
        sql.scalar("set_config", "ncfd.review_mode", "", True)
        new_labels = sum(link.is_labelled for link in added)
        given = sum(row.label is not None for row in rows)
        return Counter(
            {
                ("links", "added"): len(added),
                ("links", "changed"): labelled,
                ("links", "unchanged"): len(rows) - len(added) - labelled,
                ("labels", "added"): new_labels + labelled,
                ("labels", "unchanged"): given - new_labels - labelled,
                ("documents", "added"): new,
                ("assets", "added"): assets.added,
                ("conflicts", "unchanged"): conflicts,
            }
        )

    def _documents(self, rows: Sequence[AuditRow]) -> tuple[dict[str, int], int]:
        first = {row.source_url: row for row in reversed(rows)}
        known = find_known_documents(first)
        crawl = f"{RUN_SOURCE}:{self._run.run_id}"
        missing = [citation_document(row, crawl) for url, row in first.items() if url not in known]
        added = add_documents(missing, self._store)
        pmids, dois = zip(*map(citation_numbers, added), strict=True) if added else ((), ())
        sql.execute(_CITE, [list(added.values()), list(pmids), list(dois)])
        # Another program may have added an address between the look and the insert.
        other = find_known_documents([url for url in first if url not in known and url not in added])
        return {**known, **added, **other}, len(added)


def _staged(place: int, doc_id: int, asset_id: int, row: AuditRow) -> tuple[Any, ...]:
    reviewed: datetime | None = row.reviewed_at.astimezone(UTC) if row.reviewed_at else None
    return (
        place,
        doc_id,
        asset_id,
        row.nct_id,
        row.link_type,
        row.heuristic,
        row.confidence,
        dump_json(row.evidence),
        row.label,
        row.label_source,
        row.reviewed_by,
        reviewed,
        row.review_notes,
    )
