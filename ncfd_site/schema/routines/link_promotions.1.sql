CREATE OR REPLACE FUNCTION require_promotion_rule(p_heuristic text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    v_precision jsonb;
BEGIN
    PERFORM pg_advisory_xact_lock(heuristic_lock_key(p_heuristic));
    SELECT to_jsonb(p) INTO v_precision FROM get_heuristic_precision(p_heuristic) p;
    IF NOT can_auto_promote_heuristic(p_heuristic) THEN
        RAISE EXCEPTION 'the promotion rule of % is not met: % of % reviewed links are right', p_heuristic,
            coalesce(v_precision ->> 'correct_links', '0'), coalesce(v_precision ->> 'reviewed_links', '0')
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN v_precision;
END $$;

CREATE OR REPLACE FUNCTION start_link_promotion(p_heuristic text, p_promoted_by text, p_reason text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_precision jsonb := require_promotion_rule(p_heuristic);
    v_promotion_id bigint;
BEGIN
    IF coalesce(btrim(p_reason), '') = '' OR coalesce(p_promoted_by, '') = '' THEN
        RAISE EXCEPTION 'a promotion needs a user and a reason' USING ERRCODE = 'invalid_parameter_value';
    ELSIF NOT EXISTS (SELECT FROM link_audit WHERE heuristic_applied = p_heuristic AND label IS NOT NULL
                      AND reviewed_by IS DISTINCT FROM p_promoted_by) THEN
        RAISE EXCEPTION '% cannot promote links of %: all labels are by the same user', p_promoted_by, p_heuristic
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO link_promotions (heuristic, promoted_by, reason, precision_counts)
    VALUES (p_heuristic, p_promoted_by, btrim(p_reason), v_precision) RETURNING promotion_id INTO v_promotion_id;
    RETURN v_promotion_id;
END $$;

CREATE OR REPLACE FUNCTION promote_links(
    p_promotion_id bigint, p_after bigint, p_limit integer, OUT promoted bigint, OUT last_audit_id bigint
) LANGUAGE plpgsql AS $$
DECLARE
    v_promotion link_promotions;
    v_links bigint[];
BEGIN
    SELECT * INTO v_promotion FROM link_promotions WHERE promotion_id = p_promotion_id FOR NO KEY UPDATE;
    IF NOT FOUND OR v_promotion.reverted_at IS NOT NULL THEN
        RAISE EXCEPTION 'promotion % does not exist or was reverted', p_promotion_id
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    PERFORM require_promotion_rule(v_promotion.heuristic);
    v_links := ARRAY(
        SELECT a.audit_id FROM link_audit a
        WHERE a.heuristic_applied = v_promotion.heuristic AND a.promotion_status = 'pending' AND a.audit_id > p_after
          AND a.label IS DISTINCT FROM false AND EXISTS (SELECT FROM trials t WHERE t.nct_id = a.nct_id)
          AND NOT EXISTS (SELECT FROM link_disagreements d WHERE d.audit_id = a.audit_id)
        -- A reviewer who has a link locked may be about to label it.
        ORDER BY a.audit_id LIMIT p_limit FOR NO KEY UPDATE OF a SKIP LOCKED
    );
    promoted := cardinality(v_links);
    last_audit_id := v_links[promoted];
    -- Existing rows are kept and do not belong to this promotion.
    WITH links AS (
        SELECT a.*, t.trial_id FROM link_audit a JOIN trials t ON t.nct_id = a.nct_id WHERE a.audit_id = ANY (v_links)
    ), for_trials AS (
        INSERT INTO trial_assets_xref (trial_id, asset_id, how, link_source, confidence, evidence_jsonb, source_doc_id, promoted_by)
        SELECT DISTINCT ON (trial_id, asset_id) trial_id, asset_id, heuristic_applied, 'link_audit', confidence,
               jsonb_build_object('audit_id', audit_id, 'heuristic', heuristic_applied, 'promotion_id', p_promotion_id),
               doc_id, v_promotion.promoted_by
        FROM links ORDER BY trial_id, asset_id, audit_id
        ON CONFLICT (trial_id, asset_id) DO NOTHING
        RETURNING xref_id, (evidence_jsonb ->> 'audit_id')::bigint AS audit_id
    ), for_studies AS (
        INSERT INTO study_assets_xref (study_id, asset_id, how, link_source, confidence, evidence_jsonb, source_doc_id, promoted_by)
        SELECT DISTINCT ON (d.study_id, l.asset_id) d.study_id::text, l.asset_id, l.heuristic_applied, 'link_audit', l.confidence,
               jsonb_build_object('audit_id', l.audit_id, 'heuristic', l.heuristic_applied, 'promotion_id', p_promotion_id),
               l.doc_id, v_promotion.promoted_by
        FROM links l JOIN document_links d ON d.doc_id = l.doc_id WHERE d.study_id IS NOT NULL
        ORDER BY d.study_id, l.asset_id, l.audit_id
        ON CONFLICT (study_id, asset_id) DO NOTHING
        RETURNING xref_id, (evidence_jsonb ->> 'audit_id')::bigint AS audit_id
    )
    INSERT INTO link_promotion_items (promotion_id, audit_id, previous_status, trial_xref_id, study_xref_ids)
    SELECT p_promotion_id, l.audit_id, l.promotion_status, t.xref_id,
           ARRAY(SELECT s.xref_id FROM for_studies s WHERE s.audit_id = l.audit_id ORDER BY 1)
    FROM links l LEFT JOIN for_trials t ON t.audit_id = l.audit_id;
    UPDATE link_audit SET promotion_status = 'promoted', updated_at = clock_timestamp() WHERE audit_id = ANY (v_links);
    UPDATE link_promotions SET link_count = link_count + promote_links.promoted WHERE promotion_id = p_promotion_id;
END $$;

CREATE OR REPLACE FUNCTION revert_link_promotion(p_promotion_id bigint, p_reverted_by text, p_reason text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_links bigint;
BEGIN
    IF coalesce(btrim(p_reason), '') = '' OR coalesce(p_reverted_by, '') = '' THEN
        RAISE EXCEPTION 'reverting a promotion needs a user and a reason' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE link_promotions SET reverted_by = p_reverted_by, reverted_at = clock_timestamp(),
           revert_reason = btrim(p_reason)
    WHERE promotion_id = p_promotion_id AND reverted_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'promotion % does not exist or is already reverted', p_promotion_id
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    PERFORM 1 FROM link_audit a JOIN link_promotion_items r USING (audit_id)
    WHERE r.promotion_id = p_promotion_id ORDER BY a.audit_id FOR NO KEY UPDATE OF a;
    UPDATE link_audit a SET promotion_status = r.previous_status, updated_at = clock_timestamp()
    FROM link_promotion_items r
    WHERE r.promotion_id = p_promotion_id AND a.audit_id = r.audit_id AND a.promotion_status = 'promoted';
    GET DIAGNOSTICS v_links = ROW_COUNT;
    DELETE FROM trial_assets_xref x USING link_promotion_items r, trials t
    WHERE r.promotion_id = p_promotion_id AND x.xref_id = r.trial_xref_id AND t.trial_id = x.trial_id
      AND NOT EXISTS (SELECT FROM link_audit a WHERE a.nct_id = t.nct_id AND a.asset_id = x.asset_id
                      AND a.promotion_status = 'promoted');
    DELETE FROM study_assets_xref x USING link_promotion_items r
    WHERE r.promotion_id = p_promotion_id AND x.xref_id = ANY (r.study_xref_ids)
      AND NOT EXISTS (SELECT FROM link_audit a JOIN document_links d USING (doc_id)
                      WHERE a.asset_id = x.asset_id AND d.study_id::text = x.study_id AND a.promotion_status = 'promoted');
    RETURN v_links;
END $$;
