-- Rows in every table of the root. Their keys start at 1001.
INSERT INTO companies (company_id, cik, name, name_norm, website_domain) VALUES
    (1001, 1001, 'Borealis Bio', 'borealis bio', 'Borealis.example'), (1002, 1002, 'Cirrus Pharma', 'cirrus pharma', NULL);
INSERT INTO company_aliases (alias_id, company_id, alias, alias_norm, alias_type) VALUES
    (1001, 1001, 'Borealis.example', 'borealis.example', 'domain'), (1002, 1002, 'Cirrus', 'cirrus', 'short');
INSERT INTO company_relationships (parent_company_id, child_company_id) VALUES (1001, 1002);
INSERT INTO exchanges (exchange_id, code, mic, name) VALUES (1001, 'TEST', 'XTST', 'An exchange of this test');
INSERT INTO securities (security_id, company_id, exchange_id, ticker, ticker_norm, effective_range) VALUES
    (1001, 1001, 1001, 'BORE', 'BORE', '[2019-05-06,)'), (1002, 1002, 1001, 'CIRR', 'CIRR', '[2020-01-01,2024-01-01)');
INSERT INTO company_securities (company_id, security_id, linked_at) VALUES
    (1001, '1001', '2020-02-03T04:05:06Z'), (1002, '1002', '2021-03-04T05:06:07Z');
INSERT INTO trials (trial_id, nct_id, sponsor_text, sponsor_company_id, phase, is_pivotal, last_seen_at) VALUES
    (1001, 'NCT90000001', 'Borealis Bio', 1001, 'PHASE3', true, '2024-01-01Z'),
    (1002, 'NCT90000002', 'Cirrus Pharma', 1002, 'PHASE2', false, '2024-01-02Z');
INSERT INTO trial_versions (trial_version_id, trial_id, captured_at, sha256, raw_jsonb) VALUES
    (1001, 1001, '2023-01-01Z', repeat('1', 64), '{"version": 1}'), (1002, 1001, '2024-01-01Z', repeat('2', 64), '{"version": 2}');
INSERT INTO ctgov_history_versions (trial_id, version_rank, submitted_date) VALUES (1001, 1, '2022-12-31');
INSERT INTO ctgov_ingest_state (id, cursor_last_update_posted) VALUES (true, '2024-01-03');
INSERT INTO ingest_runs (run_id, source, started_at) VALUES (1001, 'ctgov', '2024-01-01Z');
INSERT INTO studies (study_id, trial_id, doc_type, year, extracted_jsonb) VALUES
    (1001, 1001, 'PR', 2024, '{"primary_endpoints": ["survival"], "sample_size": {"total_n": 420},
      "populations": {"analysis_primary_on": "ITT"}, "results": {"primary": [{"p_value": 0.047}]}}'),
    (1002, 1002, 'Paper', 2023, NULL);
INSERT INTO documents (doc_id, source_type, storage_uri, sha256) VALUES
    (1001, 'PR', 'local://one', repeat('3', 64)), (1002, 'Paper', 'local://two', repeat('4', 64));
INSERT INTO document_text_pages (doc_id, page_no, char_count, text) VALUES (1001, 1, 12, 'ABC-123 won.');
INSERT INTO document_tables (doc_id, page_no, table_idx, table_jsonb) VALUES (1001, 1, 1, '[["a", 1]]');
INSERT INTO document_entities (doc_id, ent_type, value_text) VALUES (1001, 'asset', 'ABC-123');
INSERT INTO document_citations (doc_id, doi) VALUES (1002, '10.1000/test');
INSERT INTO document_notes (doc_id, notes_md, author) VALUES (1002, 'Read twice.', 'rita');
INSERT INTO assets (asset_id, names_jsonb) VALUES (1001, '{"code": "ABC-123"}'), (1002, '{"code": "DEF-456"}');
INSERT INTO asset_aliases (asset_alias_id, asset_id, alias, alias_norm, alias_type) VALUES (1001, 1001, 'ABC-123', 'abc-123', 'code');
INSERT INTO merge_candidates (merge_id, asset_id_1, asset_id_2, merge_reason) VALUES (1001, 1001, 1002, 'same target');
INSERT INTO document_links (doc_id, nct_id, asset_id, study_id, link_type, confidence) VALUES (1001, 'NCT90000001', 1001, 1001, 't', 0.9);
INSERT INTO link_audit (audit_id, doc_id, asset_id, nct_id, link_type, heuristic_applied, confidence, reviewed_by, reviewed_at) VALUES
    (1001, 1001, 1001, 'NCT90000001', 't', 'HP-1', 1, 'rita', '2024-02-02Z'), (1002, 1002, 1002, NULL, 't', 'HP-4', 0.85, NULL, NULL);
INSERT INTO trial_assets_xref (xref_id, trial_id, asset_id, how, link_source, confidence) VALUES (1001, 1001, 1001, 'HP-1', 'document', 1);
INSERT INTO study_assets_xref (xref_id, study_id, asset_id, how, link_source, confidence) VALUES (1001, '1001', 1001, 'HP-1', 'document', 1);
INSERT INTO resolver_features (rf_id, run_id, nct_id, sponsor_text_norm, company_id, features_jsonb) VALUES
    (1001, 'r1', 'NCT90000001', 'borealis bio', 1001, '{"jw": 1}');
INSERT INTO resolver_decisions (decision_id, run_id, nct_id, sponsor_text, sponsor_text_norm, company_id, match_type) VALUES
    (1001, 'r1', 'NCT90000001', 'Borealis Bio', 'borealis bio', 1001, 'deterministic');
INSERT INTO review_queue (rq_id, run_id, nct_id, sponsor_text) VALUES (1001, 'r1', 'NCT90000002', 'Cirrus?');
INSERT INTO resolver_labels (label_id, nct_id, sponsor_text_norm, company_id, is_match, source) VALUES (1001, 'NCT90000001', 'borealis bio', 1001, true, 'human');
INSERT INTO resolver_det_rules (rule_id, pattern, company_id) VALUES (1001, '^borealis', 1001);
INSERT INTO resolver_ignore_sponsor (pattern, comment) VALUES ('^Acme$', 'of this test');
INSERT INTO resolver_llm_logs (llm_id, run_id, nct_id, sponsor_text, candidates, prompt) VALUES (1001, 'r1', 'NCT90000002', 'Cirrus?', '[]', 'Who?');
INSERT INTO resolver_flags (key, value) VALUES ('of_this_test', 'kept');
