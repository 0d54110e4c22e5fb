-- The label of a link is derived from its reviews. Effective are the latest decision made outside of the queue (link page,
-- bulk, import, SQL, adjudication) and, if newer, the latest decision of each reviewer in the queue. If those conflict or one
-- is unsure, the link has no label until an adjudicator resolves it. Undone decisions are ignored.

-- Decisions on a heuristic's links take this lock shared, a promotion takes it exclusively: no decision is recorded between the
-- check of the promotion rule and the promotion.
CREATE OR REPLACE FUNCTION heuristic_lock_key(p_heuristic text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtextextended('link_audit ' || coalesce(p_heuristic, ''), 0)
$$;

CREATE OR REPLACE FUNCTION effective_link_reviews(p_audit_id bigint) RETURNS SETOF link_reviews LANGUAGE sql STABLE AS $$
    WITH recorded AS (
        SELECT r.* FROM link_reviews r
        WHERE r.audit_id = p_audit_id AND r.decision <> 'undone'
          AND NOT EXISTS (SELECT FROM link_reviews t
                          WHERE t.audit_id = p_audit_id AND t.decision = 'undone' AND t.supersedes = r.review_id)
    ), base AS (
        SELECT * FROM recorded WHERE mode <> 'queue' ORDER BY review_id DESC LIMIT 1
    ), opinions AS (
        SELECT DISTINCT ON (reviewer) * FROM recorded
        WHERE mode = 'queue' AND review_id > coalesce((SELECT review_id FROM base), 0)
        ORDER BY reviewer, review_id DESC
    )
    SELECT * FROM opinions
    UNION ALL SELECT * FROM base WHERE NOT EXISTS (SELECT FROM opinions)
$$;

CREATE OR REPLACE FUNCTION update_link_label(p_audit_id bigint) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM apply_link_reviews(
        p_audit_id, ARRAY(SELECT r FROM effective_link_reviews(p_audit_id) r ORDER BY r.review_id), true);
END $$;

-- p_effective: the effective reviews, oldest first. p_had_reviews: whether the link had reviews before, and so maybe a disagreement.
CREATE OR REPLACE FUNCTION apply_link_reviews(p_audit_id bigint, p_effective link_reviews[], p_had_reviews boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_first link_reviews := p_effective[1];
    v_review link_reviews;
    v_right boolean := false;
    v_wrong boolean := false;
    v_unsure boolean := false;
    v_label boolean;
    v_note text;
    v_heuristic text;
    v_set text;
BEGIN
    FOREACH v_review IN ARRAY p_effective LOOP
        v_right := v_right OR v_review.decision = 'right';
        v_wrong := v_wrong OR v_review.decision = 'wrong';
        v_unsure := v_unsure OR v_review.decision NOT IN ('right', 'wrong');
        v_note := coalesce(nullif(v_review.note, ''), v_note);
    END LOOP;
    v_label := CASE WHEN v_right <> v_wrong AND NOT v_unsure THEN v_right END;
    -- Assignments are cheaper than PERFORM, which runs a query.
    v_set := set_config('ncfd.applying_reviews', 'on', true);
    UPDATE link_audit SET
        label = v_label,
        label_source = CASE WHEN v_label IS NOT NULL THEN v_first.label_source END,
        reviewed_by = CASE WHEN v_label IS NOT NULL THEN v_first.reviewer END,
        reviewed_at = CASE WHEN v_label IS NOT NULL THEN v_first.reviewed_at END,
        review_notes = coalesce(v_note, review_notes),
        updated_at = clock_timestamp()
    WHERE audit_id = p_audit_id RETURNING heuristic_applied INTO v_heuristic;
    v_set := set_config('ncfd.applying_reviews', '', true);
    IF v_first.mode = 'queue' AND v_label IS NULL THEN
        INSERT INTO link_disagreements (audit_id, heuristic, reason)
        VALUES (p_audit_id, v_heuristic, CASE WHEN v_right AND v_wrong THEN 'conflict' ELSE 'unsure' END)
        ON CONFLICT (audit_id) DO UPDATE SET reason = EXCLUDED.reason;
    ELSIF p_had_reviews THEN
        DELETE FROM link_disagreements WHERE audit_id = p_audit_id;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION apply_link_review() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_done text;
BEGIN
    IF EXISTS (SELECT FROM link_reviews r WHERE r.audit_id = NEW.audit_id AND r.review_id <> NEW.review_id) THEN
        v_done := update_link_label(NEW.audit_id);
    ELSE
        -- The first review is the only effective one.
        v_done := apply_link_reviews(NEW.audit_id, ARRAY[NEW], false);
    END IF;
    RETURN NULL;
END $$;

-- Locks the link, and copies its columns into the review.
CREATE OR REPLACE FUNCTION set_link_review_columns() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_audit link_audit;
    v_locked text;
BEGIN
    SELECT * INTO v_audit FROM link_audit WHERE audit_id = NEW.audit_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'link % does not exist', NEW.audit_id USING ERRCODE = 'foreign_key_violation';
    END IF;
    NEW.doc_id := v_audit.doc_id;
    NEW.asset_id := v_audit.asset_id;
    NEW.nct_id := v_audit.nct_id;
    NEW.heuristic := v_audit.heuristic_applied;
    -- An assignment is cheaper than PERFORM, which runs a query.
    v_locked := pg_advisory_xact_lock_shared(heuristic_lock_key(NEW.heuristic));
    RETURN NEW;
END $$;

-- Labels written directly to link_audit are recorded too, with the mode sql. Only sessions that may insert reviews can set
-- another mode in ncfd.review_mode, or skip the record with ncfd.applying_reviews: others could forge or hide a decision.
CREATE OR REPLACE FUNCTION review_mode() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE WHEN has_table_privilege(session_user, 'public.link_reviews'::regclass, 'INSERT')
                THEN nullif(current_setting('ncfd.review_mode', true), '') END;
END $$;

CREATE OR REPLACE FUNCTION record_new_link_labels() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(key)
    FROM (SELECT DISTINCT public.heuristic_lock_key(heuristic_applied) AS key FROM new_links WHERE label IS NOT NULL ORDER BY 1) k;
    PERFORM set_config('ncfd.applying_reviews', 'on', true);
    INSERT INTO public.link_reviews (audit_id, doc_id, asset_id, nct_id, heuristic, decision, label_source, reviewer, reviewed_at,
                              mode, note)
    SELECT audit_id, doc_id, asset_id, nct_id, heuristic_applied, CASE WHEN label THEN 'right' ELSE 'wrong' END,
           label_source, reviewed_by, coalesce(reviewed_at, now()),
           coalesce(public.review_mode(), 'sql'), review_notes
    FROM new_links WHERE label IS NOT NULL ORDER BY audit_id;
    PERFORM set_config('ncfd.applying_reviews', '', true);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION record_changed_link_label() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_last bigint;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(public.heuristic_lock_key(NEW.heuristic_applied));
    PERFORM set_config('ncfd.applying_reviews', 'on', true);
    SELECT max(review_id) INTO v_last FROM public.link_reviews WHERE audit_id = NEW.audit_id;
    IF v_last IS NULL AND OLD.label IS NOT NULL THEN
        -- The label is older than the records.
        INSERT INTO public.link_reviews (audit_id, doc_id, asset_id, nct_id, heuristic, decision, label_source, reviewer,
                                  reviewed_at, mode, note)
        VALUES (OLD.audit_id, OLD.doc_id, OLD.asset_id, OLD.nct_id, OLD.heuristic_applied,
                CASE WHEN OLD.label THEN 'right' ELSE 'wrong' END, OLD.label_source, OLD.reviewed_by,
                coalesce(OLD.reviewed_at, OLD.updated_at), 'existing', OLD.review_notes)
        RETURNING review_id INTO v_last;
    END IF;
    INSERT INTO public.link_reviews (audit_id, doc_id, asset_id, nct_id, heuristic, decision, label_source, reviewer, reviewed_at,
                              mode, supersedes, note)
    VALUES (NEW.audit_id, NEW.doc_id, NEW.asset_id, NEW.nct_id, NEW.heuristic_applied,
            CASE WHEN NEW.label IS NULL THEN 'cleared' WHEN NEW.label THEN 'right' ELSE 'wrong' END, NEW.label_source,
            NEW.reviewed_by, coalesce(NEW.reviewed_at, now()),
            coalesce(public.review_mode(), 'sql'), v_last, NEW.review_notes);
    PERFORM set_config('ncfd.applying_reviews', '', true);
    DELETE FROM public.link_disagreements WHERE audit_id = NEW.audit_id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION record_link_review(
    p_audit_id bigint, p_decision text, p_reviewer text, p_mode text, p_note text = NULL, p_seconds numeric = NULL,
    p_sample_id bigint = NULL, p_supersedes bigint = NULL
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_review_id bigint;
BEGIN
    IF p_mode = 'adjudication' THEN
        IF coalesce(btrim(p_note), '') = '' THEN
            RAISE EXCEPTION 'an adjudication needs a reason' USING ERRCODE = 'invalid_parameter_value';
        ELSIF p_decision NOT IN ('right', 'wrong') THEN
            RAISE EXCEPTION 'an adjudication must be right or wrong, not %', p_decision USING ERRCODE = 'invalid_parameter_value';
        ELSIF EXISTS (SELECT FROM effective_link_reviews(p_audit_id) WHERE reviewer = p_reviewer) THEN
            RAISE EXCEPTION '% reviewed link % and cannot adjudicate it', p_reviewer, p_audit_id
                USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    INSERT INTO link_reviews (audit_id, doc_id, asset_id, decision, label_source, reviewer, reviewed_at, mode, note, seconds,
                              sample_id, supersedes)
    VALUES (p_audit_id, 0, 0, p_decision, CASE WHEN p_decision IN ('right', 'wrong') THEN 'human_review' END, p_reviewer,
            clock_timestamp(), p_mode, nullif(btrim(p_note), ''), p_seconds, p_sample_id, p_supersedes)
    RETURNING review_id INTO v_review_id;
    RETURN v_review_id;
END $$;

CREATE OR REPLACE PROCEDURE backfill_link_reviews() LANGUAGE plpgsql AS $$
DECLARE
    v_last bigint := 0;
    v_links bigint[];
BEGIN
    LOOP
        v_links := ARRAY(SELECT audit_id FROM link_audit WHERE audit_id > v_last AND label IS NOT NULL
                         ORDER BY audit_id LIMIT 10000);
        EXIT WHEN v_links = '{}';
        v_last := v_links[cardinality(v_links)];
        PERFORM 1 FROM link_audit WHERE audit_id = ANY (v_links) ORDER BY audit_id FOR NO KEY UPDATE;
        PERFORM set_config('ncfd.applying_reviews', 'on', true);
        INSERT INTO link_reviews (audit_id, doc_id, asset_id, nct_id, heuristic, decision, label_source, reviewer, reviewed_at,
                                  mode, note)
        SELECT audit_id, doc_id, asset_id, nct_id, heuristic_applied, CASE WHEN label THEN 'right' ELSE 'wrong' END,
               label_source, reviewed_by, coalesce(reviewed_at, updated_at), 'existing', review_notes
        FROM link_audit a
        WHERE a.audit_id = ANY (v_links) AND a.label IS NOT NULL
          AND NOT EXISTS (SELECT FROM link_reviews r WHERE r.audit_id = a.audit_id)
        ORDER BY a.audit_id;
        PERFORM set_config('ncfd.applying_reviews', '', true);
        COMMIT;
    END LOOP;
END $$;

CREATE OR REPLACE TRIGGER trg_link_reviews_set_columns BEFORE INSERT ON link_reviews
    FOR EACH ROW WHEN (coalesce(current_setting('ncfd.applying_reviews', true), '') <> 'on') EXECUTE FUNCTION set_link_review_columns();
CREATE OR REPLACE TRIGGER trg_link_reviews_apply AFTER INSERT ON link_reviews
    FOR EACH ROW WHEN (coalesce(current_setting('ncfd.applying_reviews', true), '') <> 'on') EXECUTE FUNCTION apply_link_review();
CREATE OR REPLACE TRIGGER trg_link_reviews_immutable BEFORE UPDATE OR DELETE ON link_reviews
    FOR EACH ROW EXECUTE FUNCTION forbid_record_change();
CREATE OR REPLACE TRIGGER trg_link_reviews_truncate BEFORE TRUNCATE ON link_reviews
    FOR EACH STATEMENT EXECUTE FUNCTION forbid_record_change();
CREATE OR REPLACE TRIGGER trg_interim_analyses_immutable BEFORE UPDATE OR DELETE ON interim_analyses
    FOR EACH ROW EXECUTE FUNCTION forbid_record_change();
CREATE OR REPLACE TRIGGER trg_interim_analyses_truncate BEFORE TRUNCATE ON interim_analyses
    FOR EACH STATEMENT EXECUTE FUNCTION forbid_record_change();
CREATE OR REPLACE TRIGGER trg_link_audit_inserted AFTER INSERT ON link_audit REFERENCING NEW TABLE AS new_links
    FOR EACH STATEMENT EXECUTE FUNCTION record_new_link_labels();
CREATE OR REPLACE TRIGGER trg_link_audit_label_updated AFTER UPDATE OF label, label_source, reviewed_by, reviewed_at ON link_audit
    FOR EACH ROW
    WHEN ((OLD.label, OLD.label_source, OLD.reviewed_by, OLD.reviewed_at)
          IS DISTINCT FROM (NEW.label, NEW.label_source, NEW.reviewed_by, NEW.reviewed_at)
          AND NOT (coalesce(current_setting('ncfd.applying_reviews', true), '') = 'on'
                   AND has_table_privilege('link_reviews'::regclass, 'INSERT')))
    EXECUTE FUNCTION record_changed_link_label();

-- A trigger needs no EXECUTE. With it, any role could attach the function to a table of its own.
SELECT pg_temp.restrict_execution('record_new_link_labels()', 'record_changed_link_label()');
