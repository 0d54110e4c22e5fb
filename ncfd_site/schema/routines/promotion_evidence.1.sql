-- The newest completed precision sample decides: one that passed an interim analysis, or ran all that its size allows.
CREATE OR REPLACE FUNCTION has_sample_evidence(p_heuristic text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT bool_or(a.passed)
        FROM review_samples m JOIN interim_analyses a USING (sample_id)
        WHERE m.heuristic = p_heuristic AND m.purpose = 'precision'
        GROUP BY m.sample_id, m.size
        HAVING bool_or(a.passed) OR max(a.size) = least(m.size / 100 * 100, 400)
        ORDER BY m.sample_id DESC LIMIT 1
    ), false)
$$;

-- Every writer's promotion records the evidence as of its start; without evidence, the CHECK requires an override.
CREATE OR REPLACE FUNCTION set_promotion_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.has_sample_evidence := has_sample_evidence(NEW.heuristic);
    IF NEW.has_sample_evidence THEN
        NEW.override_reason := NULL;
    ELSIF coalesce(btrim(NEW.override_reason), '') = '' THEN
        RAISE EXCEPTION '% has no sample evidence: a promotion needs an override with its reason', NEW.heuristic
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION start_link_promotion(
    p_heuristic text, p_promoted_by text, p_reason text, p_override_reason text
) RETURNS bigint LANGUAGE plpgsql AS $$
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
    INSERT INTO link_promotions (heuristic, promoted_by, reason, precision_counts, override_reason)
    VALUES (p_heuristic, p_promoted_by, btrim(p_reason), v_precision, btrim(p_override_reason))
    RETURNING promotion_id INTO v_promotion_id;
    RETURN v_promotion_id;
END $$;

CREATE OR REPLACE FUNCTION start_link_promotion(p_heuristic text, p_promoted_by text, p_reason text) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    RETURN start_link_promotion(p_heuristic, p_promoted_by, p_reason, NULL);
END $$;

CREATE OR REPLACE TRIGGER trg_link_promotions_evidence BEFORE INSERT ON link_promotions
    FOR EACH ROW EXECUTE FUNCTION set_promotion_evidence();

COMMENT ON FUNCTION has_sample_evidence(text) IS
    'Returns true if the newest completed precision sample of the heuristic passed an interim analysis.';
COMMENT ON FUNCTION set_promotion_evidence() IS
    'Trigger on link_promotions: records whether the heuristic has sample evidence; without it, requires override_reason.';
COMMENT ON FUNCTION start_link_promotion(text, text, text, text) IS
    'Starts a promotion if the rule is met and the user is not the only one who labeled; the last argument is the reason to '
    'promote without sample evidence. Returns promotion_id.';
