"""Companies of trials: matches of sponsors, successors of companies, and proposals for a reviewer."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass

from django.db import transaction

from ncfd_site.core import sql
from ncfd_site.ingest.batches import serialize_loads
from securities.loading.matching import Candidate, SponsorMatcher, load_company_names
from securities.loading.names import normalize_company_name

# A trial of a company without listed securities moves to the company that registered again.
FOLLOW_SUCCESSIONS = """
UPDATE trials t SET sponsor_company_id = r.parent_company_id
FROM company_relationships r
WHERE r.child_company_id = t.sponsor_company_id AND r.rel_type = 'predecessor' AND r.end_date IS NULL
  AND NOT EXISTS (SELECT FROM securities s WHERE s.company_id = t.sponsor_company_id AND s.status = 'active')
  AND EXISTS (SELECT FROM securities s WHERE s.company_id = r.parent_company_id AND s.status = 'active')
"""
UNMATCHED_SPONSORS = "SELECT DISTINCT sponsor_text FROM trials WHERE sponsor_company_id IS NULL AND sponsor_text <> ''"
SET_COMPANIES = """
UPDATE trials t SET sponsor_company_id = m.company_id FROM unnest(%s::text[], %s::integer[]) AS m (sponsor, company_id)
WHERE t.sponsor_text = m.sponsor AND t.sponsor_company_id IS NULL
"""
# Institutes, and sponsors of trials that were proposed before, are left out.
PROPOSABLE_TRIALS = """
SELECT t.nct_id, t.sponsor_text FROM trials t
WHERE t.sponsor_company_id IS NULL AND t.sponsor_text = ANY(%s)
  AND NOT EXISTS (SELECT FROM resolver_ignore_sponsor i WHERE t.sponsor_text ~* i.pattern)
  AND NOT EXISTS (SELECT FROM review_queue q WHERE q.nct_id = t.nct_id AND q.sponsor_text = t.sponsor_text)
ORDER BY t.nct_id
"""
ADD_FEATURES = """
INSERT INTO resolver_features (run_id, nct_id, sponsor_text_norm, company_id, features_jsonb, score_precal)
SELECT %(run)s, t.nct_id, p.norm, c.company_id, c.features, c.score
FROM unnest(%(trials)s::text[], %(sponsors)s::text[]) AS t (nct_id, sponsor)
JOIN jsonb_to_recordset(%(proposals)s::jsonb) AS p (sponsor text, norm text, candidates jsonb) USING (sponsor)
CROSS JOIN jsonb_to_recordset(p.candidates) AS c (company_id integer, score numeric, features jsonb)
ON CONFLICT (run_id, nct_id, company_id) DO NOTHING
"""
QUEUE_TRIALS = """
INSERT INTO review_queue (run_id, nct_id, sponsor_text, sponsor_text_norm, candidates, reason)
SELECT %(run)s, t.nct_id, p.sponsor, p.norm, p.candidates, 'similar name'
FROM unnest(%(trials)s::text[], %(sponsors)s::text[]) AS t (nct_id, sponsor)
JOIN jsonb_to_recordset(%(proposals)s::jsonb) AS p (sponsor text, norm text, candidates jsonb) USING (sponsor)
ORDER BY t.nct_id
"""
# A proposal is no longer open if a name or a reviewer has decided the company.
CLOSE_MATCHED = """
UPDATE review_queue q SET status = 'resolved', resolved_at = now() FROM trials t
WHERE q.status = 'pending' AND q.run_id LIKE 'sponsors:%%' AND t.nct_id = q.nct_id
  AND t.sponsor_company_id IS NOT NULL AND t.sponsor_text = q.sponsor_text
"""


@dataclass(frozen=True, slots=True)
class SponsorCounts:
    """Numbers of trials: matched to a company, moved to a successor, and proposed for review."""

    matched: int
    moved: int
    proposed: int


@dataclass(frozen=True, slots=True)
class _Trial:
    nct_id: str
    sponsor_text: str


@transaction.atomic
def match_sponsors(run: str) -> SponsorCounts:
    """Match the sponsors of all trials without a company, and propose similar names; `run` names the proposals."""
    serialize_loads()
    names = load_company_names()
    moved = sql.execute(FOLLOW_SUCCESSIONS)
    sponsors = sql.column(UNMATCHED_SPONSORS)
    found = {sponsor: company for sponsor in sponsors if (company := names.match(sponsor)) is not None}
    matched = sql.execute(SET_COMPANIES, [list(found), list(found.values())])
    sql.execute(CLOSE_MATCHED)
    return SponsorCounts(matched, moved, propose_companies(names, set(sponsors) - set(found), run))


def propose_companies(names: SponsorMatcher, sponsors: Collection[str], run: str) -> int:
    """Queue the trials of these sponsors for review, with candidates and features; return their number."""
    trials = sql.rows(PROPOSABLE_TRIALS, [list(sponsors)], of=_Trial) if sponsors else []
    proposals = {}
    for sponsor in {trial.sponsor_text for trial in trials}:
        if candidates := names.propose(sponsor):
            proposals[sponsor] = _build_proposal(sponsor, candidates)
    queued = [trial for trial in trials if trial.sponsor_text in proposals]
    keys = {
        "run": f"sponsors:{run}",
        "trials": [trial.nct_id for trial in queued],
        "sponsors": [trial.sponsor_text for trial in queued],
        "proposals": json.dumps(list(proposals.values())),
    }
    sql.execute(ADD_FEATURES, keys)
    return sql.execute(QUEUE_TRIALS, keys)


def _build_proposal(sponsor: str, candidates: list[Candidate]) -> dict[str, object]:
    return {
        "sponsor": sponsor,
        "norm": normalize_company_name(sponsor),
        "candidates": [asdict(candidate) for candidate in candidates],
    }
