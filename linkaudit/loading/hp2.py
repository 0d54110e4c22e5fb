"""Heuristic HP-2: an alias of an asset equals an intervention that the registry lists for a trial."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from linkaudit.loading.asset_names import comparable, core_name
from linkaudit.loading.assets import find_or_add_assets
from linkaudit.loading.interventions import is_asset
from ncfd_site.core import sql
from ncfd_site.ingest.batches import Counts, Stage, dump_json
from storage.loading import Mention, RegistryDocument

HEURISTIC = "HP-2"
CONFIDENCE = "0.95"
LINK_TYPE = "intervention_of_trial"
ALIAS_SOURCE = "ClinicalTrials.gov"
# In `document_links`: the document is the record of this very trial, which nobody needs to review.
RECORD_LINK = "registry_record"

_STAGE = Stage(
    "load_proposal",
    {"doc_id": "bigint", "asset_id": "bigint", "nct_id": "text", "place": "integer", "evidence": "jsonb"},
)
# What was proposed once for an asset and a trial, from whatever version of the record, stays as reviewers left it.
_PROPOSE = """
INSERT INTO link_audit (doc_id, asset_id, nct_id, link_type, heuristic_applied, confidence, evidence_jsonb)
SELECT doc_id, asset_id, nct_id, %(link_type)s, %(heuristic)s, %(confidence)s, evidence
FROM (SELECT DISTINCT ON (asset_id, nct_id) * FROM load_proposal ORDER BY asset_id, nct_id, place) first
WHERE NOT EXISTS (SELECT FROM link_audit known WHERE known.nct_id = first.nct_id
                  AND known.asset_id = first.asset_id AND known.heuristic_applied = %(heuristic)s)
ORDER BY doc_id, place
"""
_TIE_RECORDS = """
INSERT INTO document_links (doc_id, nct_id, link_type, confidence)
SELECT doc_id, nct_id, %s, 1.00 FROM unnest(%s::bigint[], %s::text[]) AS listed (doc_id, nct_id)
"""


def propose_links(documents: Sequence[RegistryDocument]) -> Counts:
    """Tie new records to their trials, and propose a link for each drug that a record lists, once for each trial."""
    new = [document for document in documents if document.is_new]
    if new:
        sql.execute(
            _TIE_RECORDS,
            [RECORD_LINK, [document.doc_id for document in new], [document.nct_id for document in new]],
        )
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
        _row(place, document, mention, assets.by_name[mention.name]) for place, (document, mention) in enumerate(drugs)
    )
    keys = {"link_type": LINK_TYPE, "heuristic": HEURISTIC, "confidence": CONFIDENCE}
    added = sql.execute(_PROPOSE, keys)
    return Counter(
        {("assets", "added"): assets.added, ("links", "added"): added, ("links", "unchanged"): staged - added}
    )


def _row(place: int, document: RegistryDocument, mention: Mention, asset_id: int) -> tuple[Any, ...]:
    return (document.doc_id, asset_id, document.nct_id, place, dump_json(_evidence(document, mention)))


def _evidence(document: RegistryDocument, mention: Mention) -> dict[str, Any]:
    """What a reviewer needs to see: the words, where they stand, and the very version of the record."""
    return {
        "quote": mention.name,
        "page_no": mention.page_no,
        "char_start": mention.char_start,
        "char_end": mention.char_end,
        "matched_alias": core_name(mention.name) or comparable(mention.name),
        "intervention_type": mention.kind or "not stated",
        "nct_id": document.nct_id,
        "registry": "ClinicalTrials.gov",
        "registry_version": document.version,
        "last_update_posted": document.last_update_posted,
        "source_url": document.source_url,
    }
