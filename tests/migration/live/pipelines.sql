-- What the pipelines' own migrations and models leave at the head of the contract: another spelling, a second unique
-- constraint, and more columns; an index, a grant and a comment of the materialized view.
DROP MATERIALIZED VIEW v_active_us_securities;
CREATE MATERIALIZED VIEW v_active_us_securities AS
    SELECT s.security_id, s.company_id, s.exchange_id, s.ticker, s.ticker_norm, s.type, s.status, s.is_primary_listing,
           s.effective_range, s.currency, s.figi, s.cik, s.created_at, s.updated_at, s.metadata, e.code AS exchange_code,
           e.mic
    FROM securities s JOIN exchanges e ON s.exchange_id = e.exchange_id
    WHERE s.status = 'active' AND e.is_allowed = true;
CREATE UNIQUE INDEX active_by_security ON v_active_us_securities (security_id);
COMMENT ON MATERIALIZED VIEW v_active_us_securities IS 'Active ones';
GRANT SELECT ON v_active_us_securities TO PUBLIC;
ALTER TABLE resolver_decisions
    ADD CONSTRAINT resolver_decisions_run_nct_snorm_key UNIQUE (run_id, nct_id, sponsor_text_norm);
ALTER TABLE trials ADD brief_title text, ADD official_title text;
ALTER TABLE document_links ADD link_id bigserial PRIMARY KEY;
ALTER TABLE document_entities ADD entity_id bigserial PRIMARY KEY;
