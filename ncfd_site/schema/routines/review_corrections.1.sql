-- Acts of reviewers after the fact. Rows stay: an undone skip keeps its row, a correction adds one.

CREATE OR REPLACE FUNCTION claim_review_slot(p_reviewer text, p_sample_id bigint, p_lease interval)
RETURNS SETOF review_slots LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_sample_id bigint;
    v_slot_id bigint;
    v_locked text;
BEGIN
    -- An assignment is cheaper than PERFORM, which runs a query.
    v_locked := pg_advisory_xact_lock(hashtextextended('reviewer ' || p_reviewer, 0));
    -- With ORDER BY and LIMIT instead of min(), the planner scans the primary key, not the index of leases.
    SELECT min(slot_id) INTO v_slot_id FROM (
        SELECT slot_id FROM review_slots
        WHERE leased_by = p_reviewer AND state = 'open' AND lease_until > clock_timestamp()
          AND (p_sample_id IS NULL OR sample_id = p_sample_id) OFFSET 0) mine;
    IF v_slot_id IS NOT NULL THEN
        RETURN QUERY UPDATE review_slots SET lease_until = clock_timestamp() + p_lease
                     WHERE slot_id = v_slot_id AND leased_by = p_reviewer AND state = 'open' RETURNING *;
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;
    -- One query per sample, so that each uses the index of open slots.
    FOR v_sample_id IN
        SELECT m.sample_id FROM review_samples m
        WHERE m.closed_at IS NULL AND (p_sample_id IS NULL OR m.sample_id = p_sample_id) ORDER BY m.sample_id
    LOOP
        SELECT s.slot_id INTO v_slot_id FROM review_slots s
        WHERE s.state = 'open' AND s.sample_id = v_sample_id
          AND (s.lease_until IS NULL OR s.lease_until <= clock_timestamp())
          -- OFFSET 0 prevents joins, which would read all reviews of the reviewer.
          AND NOT EXISTS (SELECT FROM link_reviews r WHERE r.audit_id = s.audit_id AND r.reviewer = p_reviewer OFFSET 0)
          AND NOT EXISTS (SELECT FROM review_slots o WHERE o.leased_by = p_reviewer AND o.state = 'open'
                          AND o.audit_id = s.audit_id AND o.lease_until > clock_timestamp() OFFSET 0)
          AND NOT EXISTS (SELECT FROM review_skips k WHERE k.slot_id = s.slot_id AND k.reviewer = p_reviewer
                          AND k.undone_at IS NULL OFFSET 0)
        ORDER BY s.sample_id, s.position, s.opinion, s.slot_id LIMIT 1 FOR UPDATE OF s SKIP LOCKED;
        IF FOUND THEN
            RETURN QUERY UPDATE review_slots SET leased_by = p_reviewer, lease_token = gen_random_uuid(),
                                leased_at = clock_timestamp(), lease_until = clock_timestamp() + p_lease
                         WHERE slot_id = v_slot_id RETURNING *;
            RETURN;
        END IF;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION undo_skip(
    p_skip_id bigint, p_reviewer text, p_within interval, p_lease interval, OUT outcome text, OUT token uuid
) LANGUAGE plpgsql AS $$
DECLARE
    v_skip review_skips;
BEGIN
    SELECT * INTO v_skip FROM review_skips
    WHERE skip_id = p_skip_id AND reviewer = p_reviewer AND undone_at IS NULL FOR NO KEY UPDATE;
    IF v_skip.skip_id IS NULL THEN
        outcome := 'unknown';
    ELSIF v_skip.skipped_at < clock_timestamp() - p_within THEN
        outcome := 'too_late';
    ELSE
        -- After the skip, the reviewer may have been given the other opinion on the link: one reviewer does not give both.
        UPDATE review_slots SET leased_by = NULL, lease_token = NULL, leased_at = NULL, lease_until = NULL
        WHERE audit_id = v_skip.audit_id AND slot_id <> v_skip.slot_id AND leased_by = p_reviewer AND state = 'open';
        UPDATE review_slots SET leased_by = p_reviewer, lease_token = gen_random_uuid(), leased_at = clock_timestamp(),
               lease_until = clock_timestamp() + p_lease
        WHERE slot_id = v_skip.slot_id AND state = 'open' AND (lease_until IS NULL OR lease_until <= clock_timestamp())
          AND NOT EXISTS (SELECT FROM link_reviews r WHERE r.audit_id = v_skip.audit_id AND r.reviewer = p_reviewer)
        RETURNING lease_token INTO token;
        IF NOT FOUND THEN
            outcome := 'taken';
        ELSE
            UPDATE review_skips SET undone_at = clock_timestamp() WHERE skip_id = p_skip_id;
            outcome := 'undone';
        END IF;
    END IF;
END $$;

-- The first decision is undone, and the correction supersedes it, with the reason as its note.
CREATE OR REPLACE FUNCTION correct_review(
    p_review_id bigint, p_reviewer text, p_decision text, p_reason text,
    OUT outcome text, OUT review_id bigint, OUT sample_id bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_slot review_slots;
    v_review link_reviews;
BEGIN
    IF coalesce(btrim(p_reason), '') = '' THEN
        RAISE EXCEPTION 'a correction needs a reason' USING ERRCODE = 'invalid_parameter_value';
    ELSIF p_decision IS NULL OR p_decision NOT IN ('right', 'wrong', 'unsure') THEN
        RAISE EXCEPTION 'a correction must be right, wrong or unsure, not %', coalesce(p_decision, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT * INTO v_review FROM link_reviews r WHERE r.review_id = p_review_id AND r.reviewer = p_reviewer;
    SELECT * INTO v_slot FROM review_slots s
    WHERE s.audit_id = v_review.audit_id AND s.review_id = p_review_id AND s.reviewer = p_reviewer FOR NO KEY UPDATE;
    correct_review.sample_id := v_slot.sample_id;
    IF v_slot.slot_id IS NULL THEN
        correct_review.outcome := 'unknown';
    ELSIF v_review.decision = p_decision THEN
        correct_review.outcome := 'unchanged';
    ELSIF EXISTS (SELECT FROM interim_analyses l WHERE l.sample_id = v_slot.sample_id AND l.size >= v_slot.position)
       OR NOT EXISTS (SELECT FROM effective_link_reviews(v_review.audit_id) c WHERE c.review_id = p_review_id) THEN
        correct_review.outcome := 'used';
    ELSE
        INSERT INTO link_reviews (audit_id, doc_id, asset_id, decision, reviewer, reviewed_at, mode, sample_id, supersedes)
        VALUES (v_review.audit_id, 0, 0, 'undone', p_reviewer, clock_timestamp(), 'queue', v_review.sample_id, p_review_id);
        correct_review.review_id := record_link_review(
            v_review.audit_id, p_decision, p_reviewer, 'queue', p_reason, v_review.seconds, v_review.sample_id,
            coalesce(v_review.supersedes, p_review_id));
        UPDATE review_slots SET review_id = correct_review.review_id WHERE slot_id = v_slot.slot_id;
        correct_review.outcome := 'corrected';
    END IF;
END $$;

COMMENT ON FUNCTION undo_skip(bigint, text, interval, interval) IS
    'Undoes the reviewer''s own skip and leases its slot again. outcome is undone, taken, too_late or unknown.';
COMMENT ON FUNCTION correct_review(bigint, text, text, text) IS
    'Replaces the reviewer''s own queue decision. outcome is corrected, unchanged, used (by an analysis or an adjudication) or unknown.';
