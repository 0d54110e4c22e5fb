-- Outdated definitions of live databases at the root, under the same names.
CREATE OR REPLACE FUNCTION enforce_pivotal_study_card() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.extracted_jsonb IS NOT NULL AND NOT NEW.extracted_jsonb ? 'primary_endpoints'
       AND (SELECT is_pivotal FROM trials WHERE trial_id = NEW.trial_id) THEN
        RAISE EXCEPTION 'PivotalStudyMissingFields: primary_endpoints';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER trg_enforce_pivotal_study_card ON studies;
CREATE TRIGGER trg_enforce_pivotal_study_card BEFORE INSERT OR UPDATE ON studies
    FOR EACH ROW EXECUTE FUNCTION enforce_pivotal_study_card();
DROP VIEW v_company_tickers;
CREATE VIEW v_company_tickers AS
    SELECT cs.company_id, c.name AS company_name, s.ticker, cs.security_id
    FROM company_securities cs JOIN companies c ON c.company_id = cs.company_id
    JOIN securities s ON s.security_id::text = cs.security_id::text;
CREATE OR REPLACE VIEW v_company_canonical AS
    WITH RECURSIVE up (company_id, canonical_id) AS (
        SELECT c.company_id::bigint, c.company_id::bigint FROM companies c
        WHERE NOT EXISTS (SELECT FROM company_relationships r WHERE r.child_company_id = c.company_id AND r.end_date IS NULL)
        UNION ALL
        SELECT r.child_company_id, up.canonical_id FROM company_relationships r JOIN up ON up.company_id = r.parent_company_id
        WHERE r.end_date IS NULL
    ) SELECT company_id, canonical_id FROM up;
