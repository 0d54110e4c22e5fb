"""Heuristic HP-2: an alias of an asset equals an intervention that the registry lists for a trial."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from linkaudit.asset_names import core_name, normalize_name
from linkaudit.loading.assets import find_or_add_assets
from linkaudit.loading.interventions import is_asset
from ncfd_site.core import sql
from ncfd_site.ingest.batches import Counts, Stage, dump_json
from storage.loading import Mention, RegistryDocument

HEURISTIC = "HP-2"
CONFIDENCE = "0.95"
LINK_TYPE = "intervention_of_trial"
ALIAS_SOURCE = "ClinicalTrials.gov"
# In `document_links`: the document is the record of this trial, which needs no review.
RECORD_LINK = "registry_record"

_STAGE = Stage(
    "load_proposal",
    {"doc_id": "bigint", "asset_id": "bigint", "nct_id": "text", "position": "integer", "evidence": "jsonb"},
)
# A link that was proposed once for an asset and a trial, from any version of the record, stays unchanged.
_PROPOSE = """
INSERT INTO link_audit (doc_id, asset_id, nct_id, link_type, heuristic_applied, confidence, evidence_jsonb)
SELECT doc_id, asset_id, nct_id, %(link_type)s, %(heuristic)s, %(confidence)s, evidence
FROM (SELECT DISTINCT ON (asset_id, nct_id) * FROM load_proposal ORDER BY asset_id, nct_id, position) first
WHERE NOT EXISTS (SELECT FROM link_audit known WHERE known.nct_id = first.nct_id
                  AND known.asset_id = first.asset_id AND known.heuristic_applied = %(heuristic)s)
ORDER BY doc_id, position
"""
_LINK_RECORDS = """
INSERT INTO document_links (doc_id, nct_id, link_type, confidence)
SELECT doc_id, nct_id, %s, 1.00 FROM unnest(%s::bigint[], %s::text[]) AS listed (doc_id, nct_id)
"""


def propose_links(documents: Sequence[RegistryDocument]) -> Counts:
    """Link new records to their trials, and propose a link for each drug of a trial's record, once per trial."""
    new = [document for document in documents if document.is_new]
    if new:
        doc_ids, nct_ids = [document.doc_id for document in new], [document.nct_id for document in new]
        sql.execute(_LINK_RECORDS, [RECORD_LINK, doc_ids, nct_ids])
    drugs = [
        (document, mention)
        for document in documents
        for mention in document.mentions
        if is_asset(mention.name, mention.kind)
    ]
    if not drugs:
        return Counter()
    assets = find_or_add_assets([mention.name for _, mention in drugs], ALIAS_SOURCE)
    staged = _STAGE.fill(
        (
            document.doc_id,
            assets.by_name[mention.name],
            document.nct_id,
            position,
            dump_json(_build_evidence(document, mention)),
        )
        for position, (document, mention) in enumerate(drugs)
    )
    parameters = {"link_type": LINK_TYPE, "heuristic": HEURISTIC, "confidence": CONFIDENCE}
    added = sql.execute(_PROPOSE, parameters)
    return Counter(
        {("assets", "added"): assets.added, ("links", "added"): added, ("links", "unchanged"): staged - added}
    )


def _build_evidence(document: RegistryDocument, mention: Mention) -> dict[str, Any]:
    """Return the quote with its position, and the version of the record."""
    return {
        "quote": mention.name,
        "page_no": mention.page_no,
        "char_start": mention.char_start,
        "char_end": mention.char_end,
        "matched_alias": core_name(mention.name) or normalize_name(mention.name),
        "intervention_type": mention.kind or "not stated",
        "nct_id": document.nct_id,
        "registry": "ClinicalTrials.gov",
        "registry_version": document.version,
        "last_update_posted": document.last_update_posted,
        "source_url": document.source_url,
    }
