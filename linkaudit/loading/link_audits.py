"""Loader of proposed links, with their documents, assets and labels."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import Any

from linkaudit.asset_names import UNSPECIFIED, extract_core_name
from linkaudit.loading.assets import find_or_add_assets
from linkaudit.loading.proposals import Proposal, parse_citation_ids
from linkaudit.models import LinkReview
from ncfd_site.core import sql
from ncfd_site.ingest.batches import Counts, Stage, dump_json, serialize_loads, valid_records, write_batches
from ncfd_site.ingest.records import Record, RejectedRecord, Rejections
from ncfd_site.ingest.runs import OUTCOMES, LoadProgress, LoadSummary, record_run
from storage.content import ContentStore
from storage.loading import add_documents, find_known_documents

RUN_SOURCE = "link_audits"
ALIAS_SOURCE = "link audits"
THINGS = ["links", "labels", "documents", "assets"]

_STAGE = Stage(
    "load_audit",
    {
        "position": "integer",
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
_IS_SAME = """known.doc_id = l.doc_id AND known.asset_id = l.asset_id AND known.nct_id = l.nct_id
    AND known.heuristic_applied = l.heuristic AND known.link_type = l.link_type"""

_ADD = f"""
INSERT INTO link_audit (doc_id, asset_id, nct_id, link_type, heuristic_applied, confidence, evidence_jsonb,
                        label, label_source, reviewed_by, reviewed_at, review_notes)
SELECT doc_id, asset_id, nct_id, link_type, heuristic, confidence, evidence,
       label, label_source, reviewed_by, CASE WHEN label IS NOT NULL THEN coalesce(reviewed_at, now()) END, review_notes
FROM load_audit l WHERE NOT EXISTS (SELECT FROM link_audit known WHERE {_IS_SAME}) ORDER BY position
RETURNING label IS NOT NULL AS is_labeled
"""  # noqa: S608

# A label of higher or equal rank replaces a label, but nothing replaces a human review.
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
FROM load_audit l WHERE {_IS_SAME} AND {_MAY_LABEL}
"""  # noqa: S608
_CONFLICTS = f"""
SELECT count(*) FROM load_audit l JOIN link_audit known ON {_IS_SAME}
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
    is_labeled: bool


def load_link_audits(
    proposals: Iterable[Record[Proposal] | RejectedRecord],
    *,
    store: ContentStore,
    rejections: Rejections,
    progress: LoadProgress,
) -> LoadSummary:
    """Load proposals. A known proposal stays unchanged, but a label that it brings is added.

    A label replaces only labels of the same or a lower rank (external validation, gold standard, human review), and
    never a human review. The summary counts such conflicts.
    """
    summary = LoadSummary(THINGS)
    before = rejections.count
    with record_run(RUN_SOURCE) as run:
        records = valid_records(proposals, rejections)
        write = partial(_write_batch, crawl_run_id=f"{RUN_SOURCE}:{run.run_id}", store=store)
        batches = write_batches(records, write, key=_build_proposal_key, rejections=rejections, progress=progress)
        for counts in batches:
            summary.counts.update(counts)
        summary.add("links", rejected=rejections.count - before)
        run.returned = sum(summary.count("links", outcome) for outcome in OUTCOMES)
        run.processed = summary.written_count("links")
        run.notes = (
            f"links: {summary.count('links', 'added')} added, {summary.count('links', 'changed')} changed,"
            f" {summary.count('links', 'unchanged')} unchanged, {summary.count('links', 'rejected')} rejected"
        )
        if conflicts := summary.count("conflicts", "unchanged"):
            summary.notes.append(f"{conflicts:,} labels differ from a label of higher rank and were ignored.")
    return summary


def _build_proposal_key(proposal: Proposal) -> tuple[str, ...]:
    # Two spellings of an asset are one proposal: the second one is an update in a later batch.
    return (
        proposal.source_url,
        extract_core_name(proposal.asset),
        proposal.nct_id,
        proposal.heuristic,
        proposal.link_type,
    )


def _write_batch(batch: Sequence[Record[Proposal]], *, crawl_run_id: str, store: ContentStore) -> Counts:
    """Write one batch inside the current transaction; return the counts."""
    serialize_loads()
    proposals = [item.value for item in batch]
    documents, new = _find_or_add_documents(proposals, crawl_run_id, store)
    assets = find_or_add_assets([each.asset or UNSPECIFIED for each in proposals], ALIAS_SOURCE)
    # Unrelated names can be aliases of one asset. Then the first proposal is used.
    staged: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for position, each in enumerate(proposals):
        doc_id, asset_id = documents[each.source_url], assets.by_name[each.asset or UNSPECIFIED]
        key = (doc_id, asset_id, each.nct_id, each.heuristic, each.link_type)
        staged.setdefault(key, _build_staging_row(position, doc_id, asset_id, each))
    _STAGE.fill(staged.values())
    # The triggers of link_audit record these labels with the mode of a loader.
    sql.scalar("set_config", "ncfd.review_mode", LinkReview.Mode.LOAD, True)
    labeled = sql.execute(_LABEL)
    conflicts = sql.value(_CONFLICTS)
    added = sql.rows(_ADD, of=_Added)
    sql.scalar("set_config", "ncfd.review_mode", "", True)
    new_labels = labeled + sum(link.is_labeled for link in added)
    return Counter(
        {
            ("links", "added"): len(added),
            ("links", "changed"): labeled,
            ("links", "unchanged"): len(proposals) - len(added) - labeled,
            ("labels", "added"): new_labels,
            ("labels", "unchanged"): sum(each.label is not None for each in proposals) - new_labels,
            ("documents", "added"): new,
            ("assets", "added"): assets.added,
            ("conflicts", "unchanged"): conflicts,
        }
    )


def _find_or_add_documents(
    proposals: Sequence[Proposal], crawl_run_id: str, store: ContentStore
) -> tuple[dict[str, int], int]:
    first = {each.source_url: each for each in reversed(proposals)}
    known = find_known_documents(first)
    missing = [each.to_document(crawl_run_id) for url, each in first.items() if url not in known]
    added = add_documents(missing, store)
    pmids, dois = zip(*map(parse_citation_ids, added), strict=True) if added else ((), ())
    sql.execute(_CITE, [list(added.values()), list(pmids), list(dois)])
    # Another process can add a document between the read and the insert.
    concurrent = find_known_documents([url for url in first if url not in known and url not in added])
    return {**known, **added, **concurrent}, len(added)


def _build_staging_row(position: int, doc_id: int, asset_id: int, proposal: Proposal) -> tuple[Any, ...]:
    return (
        position,
        doc_id,
        asset_id,
        proposal.nct_id,
        proposal.link_type,
        proposal.heuristic,
        proposal.confidence,
        dump_json(proposal.evidence),
        proposal.label,
        proposal.label_source,
        proposal.reviewed_by,
        proposal.reviewed_at.astimezone(UTC) if proposal.reviewed_at else None,
        proposal.review_notes,
    )
