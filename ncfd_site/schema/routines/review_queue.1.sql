-- The review queue: slots of random samples, leased in order. All times are those of the database.

CREATE OR REPLACE FUNCTION draw_review_sample(
    p_heuristic text, p_size integer, p_second_share numeric, p_purpose text, p_seed bigint, p_drawn_by text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_sample_id bigint;
    v_population bigint;
    v_drawn bigint[];
BEGIN
    IF p_size IS NULL OR p_size < 1 OR p_size > 100000 THEN
        RAISE EXCEPTION 'the sample size must be 1 to 100000, not %', coalesce(p_size::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Serialize draws of a heuristic, so that no link is in two samples.
    PERFORM pg_advisory_xact_lock(hashtextextended('review_samples ' || p_heuristic, 0));
    WITH eligible AS (
        SELECT a.audit_id FROM link_audit a
        WHERE a.heuristic_applied = p_heuristic
          AND CASE p_purpose WHEN 'promoted' THEN a.promotion_status = 'promoted' ELSE true END
          AND NOT EXISTS (SELECT FROM review_slots s JOIN review_samples m USING (sample_id)
                          WHERE s.audit_id = a.audit_id AND m.purpose = p_purpose)
    ), drawn AS (
        SELECT audit_id FROM eligible ORDER BY hashint8extended(audit_id, p_seed), audit_id LIMIT p_size
    )
    SELECT (SELECT count(*) FROM eligible),
           (SELECT array_agg(audit_id ORDER BY hashint8extended(audit_id, p_seed), audit_id) FROM drawn)
    INTO v_population, v_drawn;
    IF v_population = 0 THEN
        RETURN NULL;
    END IF;
    INSERT INTO review_samples (heuristic, purpose, population, size, second_share, seed, drawn_by)
    VALUES (p_heuristic, p_purpose, v_population, cardinality(v_drawn), p_second_share, p_seed, p_drawn_by)
    RETURNING sample_id INTO v_sample_id;
    INSERT INTO review_slots (sample_id, position, opinion, audit_id)
    SELECT v_sample_id, d.position, o.opinion, d.audit_id
    FROM unnest(v_drawn) WITH ORDINALITY AS d (audit_id, position)
    CROSS JOIN (VALUES (1), (2)) AS o (opinion)
    WHERE o.opinion = 1
       OR (hashint8extended(d.audit_id, p_seed + 1) & 1048575) < p_second_share * 1048576
    ORDER BY d.position, o.opinion;
    RETURN v_sample_id;
END $$;

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
          AND NOT EXISTS (SELECT FROM review_skips k WHERE k.slot_id = s.slot_id AND k.reviewer = p_reviewer OFFSET 0)
        ORDER BY s.sample_id, s.position, s.opinion, s.slot_id LIMIT 1 FOR UPDATE OF s SKIP LOCKED;
        IF FOUND THEN
            RETURN QUERY UPDATE review_slots SET leased_by = p_reviewer, lease_token = gen_random_uuid(),
                                leased_at = clock_timestamp(), lease_until = clock_timestamp() + p_lease
                         WHERE slot_id = v_slot_id RETURNING *;
            RETURN;
        END IF;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION submit_review(
    p_token uuid, p_reviewer text, p_decision text, p_note text, p_seconds numeric,
    OUT outcome text, OUT review_id bigint, OUT audit_id bigint, OUT sample_id bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_slot review_slots;
BEGIN
    SELECT * INTO v_slot FROM review_slots WHERE lease_token = p_token AND leased_by = p_reviewer FOR NO KEY UPDATE;
    submit_review.audit_id := v_slot.audit_id;
    submit_review.sample_id := v_slot.sample_id;
    submit_review.review_id := v_slot.review_id;
    IF v_slot.slot_id IS NULL THEN
        submit_review.outcome := 'unknown';
    ELSIF v_slot.state = 'done' THEN
        submit_review.outcome := 'repeated';
    ELSIF v_slot.state = 'deleted' THEN
        submit_review.outcome := 'deleted';
    ELSIF v_slot.lease_until <= clock_timestamp() THEN
        submit_review.outcome := 'expired';
    ELSE
        submit_review.review_id := record_link_review(v_slot.audit_id, p_decision, p_reviewer, 'queue', p_note, p_seconds,
                                                      v_slot.sample_id);
        UPDATE review_slots SET state = 'done', review_id = submit_review.review_id, reviewer = p_reviewer,
               done_at = clock_timestamp(), lease_until = NULL
        WHERE slot_id = v_slot.slot_id;
        submit_review.outcome := 'recorded';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION skip_review(p_token uuid, p_reviewer text, p_reason text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_slot review_slots;
BEGIN
    IF coalesce(btrim(p_reason), '') = '' THEN
        RAISE EXCEPTION 'skipping a link needs a reason' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    UPDATE review_slots SET leased_by = NULL, lease_token = NULL, leased_at = NULL, lease_until = NULL
    WHERE lease_token = p_token AND leased_by = p_reviewer AND state = 'open' RETURNING * INTO v_slot;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO review_skips (slot_id, audit_id, reviewer, reason)
    VALUES (v_slot.slot_id, v_slot.audit_id, p_reviewer, btrim(p_reason));
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION undo_review(
    p_review_id bigint, p_reviewer text, p_within interval, p_lease interval, OUT outcome text, OUT token uuid
) LANGUAGE plpgsql AS $$
DECLARE
    v_slot review_slots;
    v_review link_reviews;
BEGIN
    SELECT * INTO v_review FROM link_reviews r WHERE r.review_id = p_review_id AND r.reviewer = p_reviewer;
    SELECT * INTO v_slot FROM review_slots s
    WHERE s.audit_id = v_review.audit_id AND s.review_id = p_review_id AND s.reviewer = p_reviewer FOR NO KEY UPDATE;
    IF v_slot.slot_id IS NULL OR v_review.review_id IS NULL THEN
        outcome := 'unknown';
    ELSIF v_review.recorded_at < clock_timestamp() - p_within THEN
        outcome := 'too_late';
    ELSIF EXISTS (SELECT FROM interim_analyses l WHERE l.sample_id = v_slot.sample_id AND l.size >= v_slot.position)
       OR NOT EXISTS (SELECT FROM effective_link_reviews(v_review.audit_id) c WHERE c.review_id = p_review_id) THEN
        outcome := 'used';
    ELSE
        INSERT INTO link_reviews (audit_id, doc_id, asset_id, decision, reviewer, reviewed_at, mode, sample_id, supersedes)
        VALUES (v_review.audit_id, 0, 0, 'undone', p_reviewer, clock_timestamp(), 'queue', v_review.sample_id, p_review_id);
        UPDATE review_slots SET state = 'open', review_id = NULL, reviewer = NULL, done_at = NULL, leased_by = p_reviewer,
               lease_token = gen_random_uuid(), leased_at = clock_timestamp(), lease_until = clock_timestamp() + p_lease
        WHERE slot_id = v_slot.slot_id RETURNING lease_token INTO token;
        outcome := 'undone';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION close_deleted_link_slots() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE public.review_slots SET state = 'deleted', lease_until = NULL
    WHERE state = 'open' AND audit_id IN (SELECT audit_id FROM deleted_links);
    DELETE FROM public.link_disagreements WHERE audit_id IN (SELECT audit_id FROM deleted_links);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER trg_link_audit_deleted AFTER DELETE ON link_audit REFERENCING OLD TABLE AS deleted_links
    FOR EACH STATEMENT EXECUTE FUNCTION close_deleted_link_slots();
SELECT pg_temp.restrict_execution('close_deleted_link_slots()');
