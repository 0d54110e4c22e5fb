-- Outdated definitions of live databases at the head of the contract, under the same names and signatures.
CREATE OR REPLACE FUNCTION increment_storage_refcount(p_sha256 text, p_backend_type text, p_reference_type text, p_reference_id bigint)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE v_object bigint; v_count integer;
BEGIN
    SELECT object_id INTO v_object FROM storage_objects WHERE sha256 = p_sha256 AND backend_type = p_backend_type;
    IF v_object IS NULL THEN
        INSERT INTO storage_objects (sha256, storage_uri, backend_type, tier, refcount)
        VALUES (p_sha256, 'local://' || p_sha256, p_backend_type, p_backend_type, 1) RETURNING object_id INTO v_object;
    ELSE
        UPDATE storage_objects SET refcount = refcount + 1 WHERE object_id = v_object;
    END IF;
    INSERT INTO storage_references (object_id, reference_type, referenced_id)
    VALUES (v_object, p_reference_type, p_reference_id) ON CONFLICT DO NOTHING;
    SELECT refcount INTO v_count FROM storage_objects WHERE object_id = v_object;
    RETURN v_count;
END $$;
CREATE OR REPLACE FUNCTION decrement_storage_refcount(p_sha256 text, p_backend_type text, p_reference_type text, p_reference_id bigint)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE v_count integer;
BEGIN
    UPDATE storage_objects SET refcount = greatest(0, refcount - 1)
    WHERE sha256 = p_sha256 AND backend_type = p_backend_type RETURNING refcount INTO v_count;
    RETURN coalesce(v_count, 0);
END $$;
DROP FUNCTION IF EXISTS get_cleanup_candidates(integer, integer);
CREATE FUNCTION get_cleanup_candidates(p_min_age_days integer DEFAULT 30, p_max_refcount integer DEFAULT 0)
RETURNS TABLE (object_id bigint, sha256 text, content_size bigint) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT o.object_id, o.sha256, o.content_size FROM storage_objects o WHERE o.refcount <= p_max_refcount;
END $$;
CREATE OR REPLACE FUNCTION can_auto_promote_heuristic(p_heuristic text, p_min_precision numeric DEFAULT 0.95, p_min_links integer DEFAULT 50)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE v_row record;
BEGIN
    SELECT * INTO v_row FROM get_heuristic_precision(p_heuristic);
    RETURN v_row.total_links >= p_min_links AND v_row.precision_rate >= p_min_precision;
END $$;
CREATE OR REPLACE FUNCTION enforce_pivotal_study_card() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.extracted_jsonb #>> '{sample_size,total_n}')::integer IS NULL THEN
        INSERT INTO staging_errors (trial_id, error_type, error_message)
        VALUES (NEW.trial_id, 'pivotal_validation', 'PivotalStudyMissingFields: sample_size.total_n');
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER trg_enforce_pivotal_study_card ON studies;
CREATE TRIGGER trg_enforce_pivotal_study_card BEFORE INSERT OR UPDATE OF extracted_jsonb ON studies
    FOR EACH ROW EXECUTE FUNCTION enforce_pivotal_study_card();
ALTER TABLE studies DROP COLUMN p_value;
ALTER TABLE studies ADD COLUMN p_value numeric
    GENERATED ALWAYS AS ((extracted_jsonb #>> '{results,primary,0,p_value}')::numeric) STORED;
CREATE INDEX ix_studies_p_value ON studies (p_value) WHERE p_value IS NOT NULL;
CREATE OR REPLACE VIEW v_company_canonical AS
    WITH RECURSIVE up (company_id, canonical_id) AS (
        SELECT c.company_id::bigint, c.company_id::bigint FROM companies c
        WHERE NOT EXISTS (SELECT FROM company_relationships r WHERE r.child_company_id = c.company_id AND r.end_date IS NULL)
        UNION ALL
        SELECT r.child_company_id, up.canonical_id FROM company_relationships r JOIN up ON up.company_id = r.parent_company_id
        WHERE r.end_date IS NULL
    ) SELECT company_id, canonical_id FROM up;
