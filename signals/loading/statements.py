"""SQL that merges a batch of staged registry records."""

from ncfd_site.ingest.batches import Stage

STAGE = Stage(
    "load_trial",
    {
        "nct_id": "text",
        "sha256": "text",
        "raw": "jsonb",
        "sponsor": "text",
        "company_id": "integer",
        "phase": "text",
        "is_pivotal": "boolean",
        "status": "text",
        "indication": "text",
        "intervention_types": "varchar[]",
        "primary_completion": "date",
        "first_posted": "date",
        "last_update_posted": "date",
        "primary_endpoint": "text",
        "sample_size": "integer",
        "analysis_plan": "text",
        "changes": "jsonb",
        "changed_primary_endpoint": "boolean",
        "changed_sample_size": "boolean",
        "sample_size_delta": "integer",
        "changed_analysis_plan": "boolean",
    },
)

# Fields that a record does not state are kept: some sources have few modules.
UPDATE_TRIALS = """
UPDATE trials t SET
    sponsor_text = coalesce(l.sponsor, t.sponsor_text),
    sponsor_company_id = l.company_id,
    phase = coalesce(l.phase, t.phase),
    is_pivotal = coalesce(l.is_pivotal, t.is_pivotal),
    status = coalesce(l.status, t.status),
    indication = coalesce(l.indication, t.indication),
    intervention_types = coalesce(l.intervention_types, t.intervention_types),
    est_primary_completion_date = coalesce(l.primary_completion, t.est_primary_completion_date),
    first_posted_date = coalesce(l.first_posted, t.first_posted_date),
    last_update_posted_date = coalesce(l.last_update_posted, t.last_update_posted_date),
    primary_endpoint_text = coalesce(l.primary_endpoint, t.primary_endpoint_text),
    current_sha256 = l.sha256,
    last_seen_at = clock_timestamp()
FROM load_trial l WHERE t.nct_id = l.nct_id
"""
ADD_TRIALS = """
INSERT INTO trials (nct_id, sponsor_text, sponsor_company_id, phase, is_pivotal, status, indication,
                    intervention_types, est_primary_completion_date, first_posted_date, last_update_posted_date,
                    primary_endpoint_text, current_sha256, last_seen_at)
SELECT nct_id, sponsor, company_id, phase, coalesce(is_pivotal, false), status, indication, intervention_types,
       primary_completion, first_posted, last_update_posted, primary_endpoint, sha256, clock_timestamp()
FROM load_trial l WHERE NOT EXISTS (SELECT FROM trials t WHERE t.nct_id = l.nct_id) ORDER BY nct_id
"""
# Without changes, the record is stored already, in another spelling.
ADD_VERSIONS = """
INSERT INTO trial_versions (trial_id, captured_at, last_update_posted_date, raw_jsonb, primary_endpoint_text,
                            sample_size, analysis_plan_text, changes_jsonb, sha256, changed_primary_endpoint,
                            changed_sample_size, sample_size_delta, changed_analysis_plan)
SELECT t.trial_id, clock_timestamp(), l.last_update_posted, l.raw, l.primary_endpoint, l.sample_size, l.analysis_plan,
       l.changes, l.sha256, l.changed_primary_endpoint, l.changed_sample_size, l.sample_size_delta,
       l.changed_analysis_plan
FROM load_trial l JOIN trials t ON t.nct_id = l.nct_id
WHERE l.changes IS DISTINCT FROM '[]' ORDER BY t.trial_id
ON CONFLICT (trial_id, sha256) DO NOTHING
"""
# Parameter: NCT IDs of trials that had a company before.
COUNT_MATCHED = "SELECT count(*) FROM load_trial WHERE company_id IS NOT NULL AND nct_id <> ALL(%s)"

MARK_SEEN = "UPDATE trials SET last_seen_at = clock_timestamp() WHERE trial_id = ANY(%s)"
MATCH_SPONSORS = """
UPDATE trials t SET sponsor_company_id = m.company_id
FROM unnest(%s::integer[], %s::integer[]) AS m (trial_id, company_id)
WHERE t.trial_id = m.trial_id AND t.sponsor_company_id IS NULL
"""

# The cursor only moves forward, and never past today.
SAVE_CURSOR = """
INSERT INTO ctgov_ingest_state (id, cursor_last_update_posted, last_run_at)
VALUES (true, least(%(until)s, current_date), clock_timestamp())
ON CONFLICT (id) DO UPDATE SET
    cursor_last_update_posted =
        greatest(ctgov_ingest_state.cursor_last_update_posted, excluded.cursor_last_update_posted),
    last_run_at = excluded.last_run_at
"""
