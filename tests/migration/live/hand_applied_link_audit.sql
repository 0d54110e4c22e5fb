-- Out-of-band label columns, with a summary of other columns and a grant on it.
ALTER TABLE link_audit ADD COLUMN label boolean, ADD COLUMN label_source text;
CREATE INDEX ix_link_audit_label ON link_audit (label);
CREATE VIEW heuristic_precision_summary AS
    SELECT heuristic_applied, count(*)::integer AS links FROM link_audit GROUP BY 1;
GRANT SELECT ON heuristic_precision_summary TO PUBLIC;
INSERT INTO documents (source_type, storage_uri, sha256) VALUES ('Paper', 'local://x', repeat('0', 64));
INSERT INTO assets DEFAULT VALUES;
INSERT INTO link_audit (doc_id, asset_id, link_type, confidence, heuristic_applied, label, label_source)
VALUES (1, 1, 't', 1, 'HP-1', true, 'gold_standard');
