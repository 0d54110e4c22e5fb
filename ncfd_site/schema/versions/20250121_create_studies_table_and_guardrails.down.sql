-- Initial rows do not count as a loss.
SELECT pg_temp.refuse_loss($losses${
    "companies": "true",
    "company_aliases": "true",
    "company_relationships": "true",
    "exchanges": "code NOT IN ('NASDAQ', 'NYSE', 'NYSE American', 'OTCQX', 'OTCQB')",
    "securities": "true",
    "company_securities": "true",
    "trials": "true",
    "trial_versions": "true",
    "ctgov_history_versions": "true",
    "ctgov_ingest_state": "true",
    "ingest_runs": "true",
    "studies": "true",
    "documents": "true",
    "document_text_pages": "true",
    "document_tables": "true",
    "document_entities": "true",
    "document_citations": "true",
    "document_notes": "true",
    "assets": "true",
    "asset_aliases": "true",
    "merge_candidates": "true",
    "document_links": "true",
    "link_audit": "true",
    "trial_assets_xref": "true",
    "study_assets_xref": "true",
    "resolver_features": "true",
    "resolver_decisions": "true",
    "review_queue": "true",
    "resolver_labels": "true",
    "resolver_det_rules": "true",
    "resolver_ignore_sponsor": "comment IS NULL OR comment NOT IN ('Government institutes', 'Academic sponsors')",
    "resolver_llm_logs": "true",
    "resolver_flags": "(key, value) IS DISTINCT FROM ('probabilistic_disabled', 'true')"
}$losses$);

DROP MATERIALIZED VIEW IF EXISTS v_active_us_securities;
DROP VIEW IF EXISTS v_company_tickers, v_company_canonical, v_domain_aliases;

DROP TABLE IF EXISTS
    resolver_flags,
    resolver_llm_logs,
    resolver_ignore_sponsor,
    resolver_det_rules,
    resolver_labels,
    review_queue,
    resolver_decisions,
    resolver_features,
    study_assets_xref,
    trial_assets_xref,
    link_audit,
    document_links,
    merge_candidates,
    asset_aliases,
    assets,
    document_notes,
    document_citations,
    document_entities,
    document_tables,
    document_text_pages,
    documents,
    studies,
    ingest_runs,
    ctgov_ingest_state,
    ctgov_history_versions,
    trial_versions,
    trials,
    company_securities,
    securities,
    exchanges,
    company_relationships,
    company_aliases,
    companies;

DROP FUNCTION IF EXISTS enforce_pivotal_study_card();
DROP TYPE IF EXISTS ticker_range;
DROP TYPE IF EXISTS
    alias_type, asset_alias_type, doc_source_type, doc_status, oa_status, security_status, security_type;
